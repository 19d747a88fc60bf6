-- A password in a media URL or Push URL is stored sealed. What is here in clear is sealed when the gateway opens the store next, which
-- takes this row away (src/store/url_passwords.rs).
INSERT INTO meta (name, value) VALUES ('url_passwords_in_clear', 'true');
