CREATE TABLE account (
    name           TEXT PRIMARY KEY,
    password       TEXT NOT NULL,                -- a dummy: keep a hash by argon2 in its place
    phones_version INTEGER NOT NULL DEFAULT 0    -- grows with every edit of the account's numbers
) STRICT;

CREATE TABLE phone (
    number  TEXT PRIMARY KEY,                    -- in E.164; one account only
    account TEXT NOT NULL REFERENCES account (name) ON DELETE CASCADE,
    since   INTEGER NOT NULL                     -- seconds since 1970
) STRICT;

CREATE TABLE session (
    id        TEXT PRIMARY KEY,
    account   TEXT REFERENCES account (name),    -- who is logged in
    claimed   TEXT REFERENCES account (name),    -- whose password was right: no login
    pending   TEXT,                              -- the phone step of that, sealed
    enrolling TEXT,                              -- the number that the step is about to bind
    CHECK (account IS NULL OR claimed IS NULL),
    CHECK (pending IS NULL OR claimed IS NOT NULL)
) STRICT;

INSERT INTO account (name, password) VALUES ('ada', 'correct horse'), ('grace', 'battery staple');
