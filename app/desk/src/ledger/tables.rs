//! The tables of a ledger.

/// Version of the tables.
pub(super) const VERSION: i64 = 2;

/// A line, once settled, does not change and does not go, and what it is about never changes: the file's own triggers see to that. A letter
/// whose send was taken, or may have been, cannot be intended a second time, from whatever profile and under whatever name its cluster is
/// read; `place.rs` tells how a place is written.
///
/// What this program writes is records. Room is left for requests and calls (`target_kind`, `call`: method and path, or service and method,
/// `status`), for what is composed and lay nowhere before (`channel` is null, and then nothing is sent twice), and for a letter that
/// somebody decides to send once more (`again` says why, and takes the line out of what is sent once). Only what version 1 says was sent
/// although another line says so, too, has `again` today: under two names of one cluster, in two ledgers, or from an old window after this
/// program had sent it. Such a line holds its letter for itself: the other may turn out not to have been sent.
pub(super) const TABLES: &str = "
CREATE TABLE runs (
  run_id INTEGER PRIMARY KEY,
  replay_id TEXT NOT NULL UNIQUE,
  profile TEXT,
  operator TEXT NOT NULL,
  cluster TEXT NOT NULL,
  cluster_id TEXT NOT NULL,
  target TEXT NOT NULL,
  num_planned INTEGER NOT NULL,
  started_ns INTEGER NOT NULL,
  ended_ns INTEGER,
  ending TEXT CHECK (ending IN ('finished', 'stopped', 'halted')),
  reason TEXT
) STRICT;
CREATE TABLE sends (
  send_id INTEGER PRIMARY KEY,
  run_id INTEGER NOT NULL REFERENCES runs,
  cluster TEXT NOT NULL,
  cluster_id TEXT NOT NULL,
  channel TEXT,
  place BLOB NOT NULL,
  timestamp_ns INTEGER,
  kind INTEGER NOT NULL,
  failed_group TEXT,
  target_kind TEXT NOT NULL DEFAULT 'channel' CHECK (target_kind IN ('channel', 'http', 'grpc')),
  target TEXT NOT NULL,
  call TEXT,
  route TEXT,
  written_to BLOB,
  status INTEGER,
  hash TEXT NOT NULL,
  key_id TEXT,
  size_bytes INTEGER NOT NULL,
  replay_count INTEGER NOT NULL,
  replay_id TEXT NOT NULL,
  again TEXT,
  edited INTEGER NOT NULL DEFAULT 0,
  intended_ns INTEGER NOT NULL,
  outcome TEXT CHECK (outcome IN ('persisted', 'answered', 'called', 'not persisted', 'possibly persisted', 'skipped', 'refused')),
  reason TEXT,
  settled_ns INTEGER,
  fate TEXT CHECK (fate IN ('consumed', 'dead again')),
  evidence TEXT,
  fate_ns INTEGER
) STRICT;
CREATE TABLE refusals (
  refusal_id INTEGER PRIMARY KEY,
  profile TEXT,
  operator TEXT NOT NULL,
  cluster TEXT NOT NULL,
  command TEXT NOT NULL,
  target TEXT NOT NULL,
  num_letters INTEGER NOT NULL,
  reason TEXT NOT NULL,
  at_ns INTEGER NOT NULL
) STRICT;
CREATE TABLE parkings (
  parking_id INTEGER PRIMARY KEY,
  cluster TEXT NOT NULL,
  cluster_id TEXT,
  channel TEXT NOT NULL,
  place BLOB NOT NULL,
  timestamp_ns INTEGER,
  kind INTEGER NOT NULL,
  note TEXT,
  operator TEXT NOT NULL,
  at_ns INTEGER NOT NULL
) STRICT;
CREATE TRIGGER outcome_stays BEFORE UPDATE OF outcome ON sends WHEN OLD.outcome IS NOT NULL
  BEGIN SELECT RAISE(ABORT, 'an outcome does not change'); END;
CREATE TRIGGER letter_stays BEFORE UPDATE OF cluster_id, channel, place, timestamp_ns, again ON sends
  BEGIN SELECT RAISE(ABORT, 'what was sent does not change'); END;
CREATE TRIGGER sends_stay BEFORE DELETE ON sends BEGIN SELECT RAISE(ABORT, 'lines of the ledger stay'); END;
CREATE TRIGGER runs_stay BEFORE DELETE ON runs BEGIN SELECT RAISE(ABORT, 'lines of the ledger stay'); END;
CREATE TRIGGER refusals_stay BEFORE DELETE ON refusals BEGIN SELECT RAISE(ABORT, 'lines of the ledger stay'); END;
";

/// Added where it is missing whenever a ledger is opened: an earlier build of this version had none.
pub(super) const EDITED: &str = "ALTER TABLE sends ADD COLUMN edited INTEGER NOT NULL DEFAULT 0";

/// Taken away before [`INDEXES`] where it also has what was composed, as an earlier build of this version made it.
pub(super) const WIDE_INDEX: &str = "SELECT count(*) FROM sqlite_schema WHERE name = 'sent_once' AND instr(sql, 'channel IS NOT NULL') = 0";

/// Made where they are missing whenever a ledger is opened: an earlier build of this version had fewer.
///
/// They guard, too: all of the file is looked at when it is opened, and a byte of a cluster's id, name or place that changed in the one no
/// longer fits the other. Where version 1 wrote a cluster's id nothing guarded it, so its lines (they have no `key_id`) hold a letter by
/// the name of its source as well, as they did then. What was composed has no letter to hold, and is in none of them.
pub(super) const INDEXES: &str = "
CREATE UNIQUE INDEX IF NOT EXISTS sent_once ON sends (cluster_id, channel, place, ifnull(timestamp_ns, -1))
  WHERE channel IS NOT NULL AND again IS NULL AND (outcome IS NULL OR outcome NOT IN ('not persisted', 'skipped', 'refused'));
CREATE INDEX IF NOT EXISTS sent_by_name ON sends (cluster, channel, place, ifnull(timestamp_ns, -1))
  WHERE key_id IS NULL AND (outcome IS NULL OR outcome NOT IN ('not persisted', 'skipped', 'refused'));
CREATE INDEX IF NOT EXISTS sent_again ON sends (cluster_id, channel, place, ifnull(timestamp_ns, -1))
  WHERE again IS NOT NULL AND (outcome IS NULL OR outcome NOT IN ('not persisted', 'skipped', 'refused'));
CREATE INDEX IF NOT EXISTS sends_of_run ON sends (run_id, replay_id);
CREATE INDEX IF NOT EXISTS sends_by_time ON sends (intended_ns);
CREATE INDEX IF NOT EXISTS runs_by_time ON runs (started_ns);
CREATE INDEX IF NOT EXISTS runs_of_cluster ON runs (cluster, cluster_id);
CREATE INDEX IF NOT EXISTS refusals_by_time ON refusals (at_ns);
CREATE INDEX IF NOT EXISTS parkings_of_letter ON parkings (channel, place, at_ns);
";
