-- A database as version 1 wrote it; never edited.
BEGIN TRANSACTION;
CREATE TABLE events (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            event_id TEXT NOT NULL UNIQUE,
            check_name TEXT NOT NULL,
            subject TEXT NOT NULL,
            status TEXT NOT NULL,
            created INTEGER NOT NULL,
            body BLOB NOT NULL,
            phase TEXT NOT NULL DEFAULT 'pending' CHECK (phase IN ('pending', 'delivered', 'refused')),
            attempts INTEGER NOT NULL DEFAULT 0,
            answer TEXT NOT NULL DEFAULT '',
            answered_at INTEGER NOT NULL DEFAULT 0);
INSERT INTO "events" VALUES(1,'old-1','root-disk','/','critical',1700000000001,X'7B227469746C65223A226F6C642031222C2264617465223A313730303030303030303030312C22737461747573223A22637269746963616C227D','delivered',1,'',0);
INSERT INTO "events" VALUES(2,'old-2','root-disk','/','critical',1700000000002,X'7B227469746C65223A226F6C642032222C2264617465223A313730303030303030303030322C22737461747573223A22637269746963616C227D','pending',2,'',0);
INSERT INTO "events" VALUES(3,'old-3','root-disk','/','critical',1700000000003,X'7B227469746C65223A226F6C642033222C2264617465223A313730303030303030303030332C22737461747573223A22637269746963616C227D','pending',3,'',0);
INSERT INTO "events" VALUES(4,'old-4','root-disk','/','critical',1700000000004,X'7B227469746C65223A226F6C642034222C2264617465223A313730303030303030303030342C22737461747573223A22637269746963616C227D','refused',4,'',0);
CREATE TABLE last_runs (
            check_name TEXT, subject TEXT, last_run TEXT NOT NULL,
            PRIMARY KEY (check_name, subject)) WITHOUT ROWID;
CREATE TABLE memories (check_name TEXT PRIMARY KEY, memory TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "memories" VALUES('log','{"offset":4711}');
CREATE TABLE states (
            check_name TEXT, subject TEXT, state TEXT NOT NULL,
            PRIMARY KEY (check_name, subject)) WITHOUT ROWID;
INSERT INTO "states" VALUES('root-disk','/','{"check":"root-disk","subject":"/","decided":"critical","reported":"critical","incident":"i-1","events":2}');
CREATE INDEX outbox ON events (check_name, seq, created) WHERE phase = 'pending';
CREATE INDEX set_aside ON events (seq) WHERE phase = 'refused';
COMMIT;
PRAGMA user_version = 1;
