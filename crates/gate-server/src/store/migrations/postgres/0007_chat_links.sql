-- How the browser was signed in that linked an account of a chat: what it answers
-- is worth no more than that is still good. `means` is as in sessions; without one,
-- a link of before, which has to be made anew. `token` is the one it ends with.
ALTER TABLE accounts ADD COLUMN means TEXT COLLATE "C";
ALTER TABLE accounts ADD COLUMN token TEXT COLLATE "C" REFERENCES tokens (id);
ALTER TABLE link_codes ADD COLUMN means TEXT COLLATE "C";
ALTER TABLE link_codes ADD COLUMN token TEXT COLLATE "C" REFERENCES tokens (id);
