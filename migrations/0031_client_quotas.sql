-- What an administrator allows this client, in place of waiting_quota and files_quota_mb of the settings; 0 for any number.
ALTER TABLE clients ADD COLUMN waiting_quota BIGINT;
ALTER TABLE clients ADD COLUMN files_quota_mb BIGINT;
