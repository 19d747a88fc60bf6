-- Names to sign in with are compared folded (NFKC, case folded, without format characters) and are unique within a client, not over all
-- of them. The program folds those that are here, in the same transaction (src/store/userids.rs).
-- What is unique is a key: the client, and the folded name. Of names that differed before and fold to the same, the oldest
-- person has it, and the others' keys end with their numbers.
ALTER TABLE persons RENAME COLUMN userid TO userid_key;
-- As it was written.
ALTER TABLE persons ADD COLUMN userid TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN userid_folded TEXT NOT NULL DEFAULT '';
ALTER TABLE persons ADD COLUMN password_set_at BIGINT NOT NULL DEFAULT 0;
UPDATE persons SET userid = userid_key;
CREATE INDEX persons_folded ON persons (userid_folded);
