/* stores/jobs_sqlite_tbl.h: the tables of the job store's file and every statement run on them.
 * ORI_JOB_OBJECT_ROW(name, "sql")   tables and indexes, in the order of their making
 * ORI_JOB_SQL_ROW(NAME, "sql")      statements; enum ORI_JQ_NAME
 *
 * store   one row: the last numbers given out, and the totals over all jobs
 * jobs    is_open: something of it can be claimed now (pending or running, not being stopped, not
 *         paused, ready > 0); ready: its items in queue 1; served: the order of claims
 * items   state as enum ori_item_state. queue of a waiting item, 0 when it does not wait:
 *           1 ready    may be claimed
 *           2 behind   an item of the same video before it in the same job has not ended: twin_of is
 *                      the first such item's position, so a thousand twins cost one row a claim
 *           3 blocked  its video was found to be in process for another job
 *           4 delayed  until not_before_us
 *         Partial indexes hold one queue each: rows that ended cost a claim nothing. INDEXED BY
 *         keeps the planner to them; a test reads the plans
 * events  text is the data of a change, or the words of a log line
 * outbox  webhooks to be delivered; next_us NULL: dead
 * The file is included more than once on purpose. */
#ifndef ORI_JOB_OBJECT_ROW
#define ORI_JOB_OBJECT_ROW(...)
#endif
#ifndef ORI_JOB_SQL_ROW
#define ORI_JOB_SQL_ROW(...)
#endif

ORI_JOB_OBJECT_ROW(store, "CREATE TABLE store(id INTEGER PRIMARY KEY CHECK(id = 1), "
                          "last_job INTEGER NOT NULL, last_event INTEGER NOT NULL, "
                          "last_fence INTEGER NOT NULL, last_served INTEGER NOT NULL, "
                          "last_delivery INTEGER NOT NULL, turns INTEGER NOT NULL, "
                          "dead_webhooks INTEGER NOT NULL, jobs_pending INTEGER NOT NULL, "
                          "jobs_running INTEGER NOT NULL, jobs_completed INTEGER NOT NULL, "
                          "jobs_failed INTEGER NOT NULL, jobs_stopped INTEGER NOT NULL, "
                          "waiting INTEGER NOT NULL, processing INTEGER NOT NULL, "
                          "success INTEGER NOT NULL, failed INTEGER NOT NULL, "
                          "stopped INTEGER NOT NULL)")
ORI_JOB_OBJECT_ROW(jobs, "CREATE TABLE jobs(seq INTEGER PRIMARY KEY, job_id TEXT NOT NULL, "
                         "request_id TEXT, idempotency_key TEXT, digest TEXT, webhook_url TEXT, "
                         "is_forced INTEGER NOT NULL, is_local INTEGER NOT NULL, "
                         "skips_upload INTEGER NOT NULL, batch_size INTEGER NOT NULL, "
                         "sleep_between_batches REAL NOT NULL, priority INTEGER NOT NULL, "
                         "created_us INTEGER NOT NULL, total INTEGER NOT NULL, "
                         "updated_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, "
                         "state INTEGER NOT NULL, progress INTEGER NOT NULL, "
                         "permilles INTEGER NOT NULL, waiting INTEGER NOT NULL, "
                         "processing INTEGER NOT NULL, success INTEGER NOT NULL, "
                         "failed INTEGER NOT NULL, stopped INTEGER NOT NULL, "
                         "ready INTEGER NOT NULL, is_open INTEGER NOT NULL, "
                         "is_stopping INTEGER NOT NULL, has_turn INTEGER NOT NULL, "
                         "turn_claims INTEGER NOT NULL, served INTEGER NOT NULL, "
                         "batch_claims INTEGER NOT NULL, is_paused INTEGER NOT NULL, "
                         "pause_until_us INTEGER NOT NULL, events INTEGER NOT NULL, "
                         "logs INTEGER NOT NULL, webhook_state TEXT NOT NULL, "
                         "webhook_attempts INTEGER NOT NULL, webhook_delivery INTEGER NOT NULL)")
ORI_JOB_OBJECT_ROW(items, "CREATE TABLE items(job INTEGER NOT NULL REFERENCES jobs(seq), "
                          "position INTEGER NOT NULL, platform TEXT NOT NULL, code TEXT NOT NULL, "
                          "url TEXT, priority INTEGER NOT NULL, twin_of INTEGER, "
                          "state INTEGER NOT NULL, queue INTEGER NOT NULL, "
                          "attempts INTEGER NOT NULL, losses INTEGER NOT NULL, "
                          "frames INTEGER NOT NULL, permille INTEGER NOT NULL, "
                          "stage TEXT NOT NULL, fence INTEGER NOT NULL, "
                          "lease_until_us INTEGER NOT NULL, not_before_us INTEGER NOT NULL, "
                          "started_us INTEGER NOT NULL, ended_us INTEGER NOT NULL, "
                          "error_code TEXT, error_stage TEXT, error_message TEXT, "
                          "error_retryable INTEGER, PRIMARY KEY(job, position)) WITHOUT ROWID")
ORI_JOB_OBJECT_ROW(events, "CREATE TABLE events(id INTEGER PRIMARY KEY, "
                           "job INTEGER NOT NULL REFERENCES jobs(seq), kind INTEGER NOT NULL, "
                           "ts_us INTEGER NOT NULL, level TEXT NOT NULL, text TEXT NOT NULL)")
ORI_JOB_OBJECT_ROW(outbox, "CREATE TABLE outbox(id INTEGER PRIMARY KEY, "
                           "job INTEGER NOT NULL REFERENCES jobs(seq), state INTEGER NOT NULL, "
                           "total INTEGER NOT NULL, success INTEGER NOT NULL, "
                           "failed INTEGER NOT NULL, stopped INTEGER NOT NULL, "
                           "ts_us INTEGER NOT NULL, attempts INTEGER NOT NULL, next_us INTEGER)")
ORI_JOB_OBJECT_ROW(jobs_id, "CREATE UNIQUE INDEX jobs_id ON jobs(job_id)")
ORI_JOB_OBJECT_ROW(jobs_key, "CREATE UNIQUE INDEX jobs_key ON jobs(idempotency_key) "
                             "WHERE idempotency_key IS NOT NULL")
ORI_JOB_OBJECT_ROW(jobs_state, "CREATE INDEX jobs_state ON jobs(state, seq)")
ORI_JOB_OBJECT_ROW(jobs_waiting, "CREATE INDEX jobs_waiting ON jobs(priority DESC, served, seq) "
                                 "WHERE is_open = 1 AND has_turn = 0")
ORI_JOB_OBJECT_ROW(jobs_turn, "CREATE INDEX jobs_turn ON jobs(served, seq) WHERE has_turn = 1")
ORI_JOB_OBJECT_ROW(jobs_paused,
                   "CREATE INDEX jobs_paused ON jobs(pause_until_us) WHERE is_paused = 1")
ORI_JOB_OBJECT_ROW(jobs_ended, "CREATE INDEX jobs_ended ON jobs(ended_us) WHERE ended_us > 0")
ORI_JOB_OBJECT_ROW(items_ready, "CREATE INDEX items_ready ON items(job, position) WHERE queue = 1")
ORI_JOB_OBJECT_ROW(items_behind,
                   "CREATE INDEX items_behind ON items(job, twin_of, position) WHERE queue = 2")
ORI_JOB_OBJECT_ROW(items_blocked,
                   "CREATE INDEX items_blocked ON items(platform, code, priority DESC, job) "
                   "WHERE queue = 3")
ORI_JOB_OBJECT_ROW(items_delayed,
                   "CREATE INDEX items_delayed ON items(not_before_us) WHERE queue = 4")
/* The last wall against a video that is processed twice at once. */
ORI_JOB_OBJECT_ROW(items_running,
                   "CREATE UNIQUE INDEX items_running ON items(platform, code) WHERE state = 1")
ORI_JOB_OBJECT_ROW(items_leased,
                   "CREATE INDEX items_leased ON items(lease_until_us) WHERE state = 1")
ORI_JOB_OBJECT_ROW(events_job, "CREATE INDEX events_job ON events(job, id)")
ORI_JOB_OBJECT_ROW(events_log, "CREATE INDEX events_log ON events(job, id) WHERE kind = 3")
ORI_JOB_OBJECT_ROW(outbox_due,
                   "CREATE INDEX outbox_due ON outbox(next_us) WHERE next_us IS NOT NULL")
ORI_JOB_OBJECT_ROW(outbox_job, "CREATE INDEX outbox_job ON outbox(job)")

/* Nothing runs and nothing can be claimed. ?3: a store is away, which a local job does not need. */
#define ORI_JOB_IS_IDLE "(processing = 0 AND (is_open = 0 OR (?3 = 1 AND is_local = 0)))"

/* In the order that ori_job_sqlite_read_job takes them. */
#define ORI_JOB_COLUMNS                                                                            \
    "seq, job_id, webhook_url, is_forced, is_local, skips_upload, batch_size, "                    \
    "sleep_between_batches, priority, created_us, total, updated_us, ended_us, state, progress, "  \
    "permilles, waiting, processing, success, failed, stopped, ready, is_stopping, has_turn, "     \
    "turn_claims, served, batch_claims, is_paused, pause_until_us, events, logs, webhook_state, "  \
    "webhook_attempts, webhook_delivery"
/* In the order that ori_job_sqlite_read_item takes them. */
#define ORI_ITEM_COLUMNS                                                                           \
    "job, position, platform, code, url, state, attempts, frames, permille, stage, error_code, "   \
    "error_stage, error_message, error_retryable, started_us, ended_us, twin_of, queue, losses, "  \
    "fence"

ORI_JOB_SQL_ROW(BEGIN_READ, "BEGIN")
ORI_JOB_SQL_ROW(BEGIN_WRITE, "BEGIN IMMEDIATE")
ORI_JOB_SQL_ROW(COMMIT, "COMMIT")
ORI_JOB_SQL_ROW(ADD_STORE,
                "INSERT INTO store VALUES(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)")
ORI_JOB_SQL_ROW(STORE, "SELECT * FROM store WHERE id = 1")
ORI_JOB_SQL_ROW(SET_STORE,
                "UPDATE store SET last_job = ?1, last_event = ?2, last_fence = ?3, "
                "last_served = ?4, last_delivery = ?5, turns = ?6, dead_webhooks = ?7, "
                "jobs_pending = ?8, jobs_running = ?9, jobs_completed = ?10, jobs_failed = ?11, "
                "jobs_stopped = ?12, waiting = ?13, processing = ?14, success = ?15, "
                "failed = ?16, stopped = ?17 WHERE id = 1")

/* jobs */
ORI_JOB_SQL_ROW(ADD_JOB, "INSERT INTO jobs VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
                         "?12, ?13, ?14, ?13, 0, 0, 0, 0, ?14, 0, 0, 0, 0, ?15, ?15 > 0, 0, 0, 0, "
                         "0, 0, 0, 0, 0, 0, '', 0, 0)")
ORI_JOB_SQL_ROW(JOB, "SELECT " ORI_JOB_COLUMNS " FROM jobs WHERE seq = ?1")
ORI_JOB_SQL_ROW(JOB_OF_ID, "SELECT " ORI_JOB_COLUMNS " FROM jobs WHERE job_id = ?1")
ORI_JOB_SQL_ROW(KEY, "SELECT seq, digest FROM jobs INDEXED BY jobs_key WHERE idempotency_key = ?1")
ORI_JOB_SQL_ROW(SET_JOB,
                "UPDATE jobs SET updated_us = ?2, ended_us = ?3, state = ?4, progress = ?5, "
                "permilles = ?6, waiting = ?7, processing = ?8, success = ?9, failed = ?10, "
                "stopped = ?11, ready = ?12, is_open = ?13, is_stopping = ?14, has_turn = ?15, "
                "turn_claims = ?16, served = ?17, batch_claims = ?18, is_paused = ?19, "
                "pause_until_us = ?20, events = ?21, logs = ?22, webhook_state = ?23, "
                "webhook_attempts = ?24, webhook_delivery = ?25 WHERE seq = ?1")
ORI_JOB_SQL_ROW(ADD_READY, "UPDATE jobs SET ready = ready + ?2, is_open = (ready + ?2 > 0 AND "
                           "state <= 1 AND is_stopping = 0 AND is_paused = 0) WHERE seq = ?1")
ORI_JOB_SQL_ROW(PAUSE_OVER, "SELECT seq FROM jobs INDEXED BY jobs_paused WHERE is_paused = 1 "
                            "AND pause_until_us <= ?1 ORDER BY pause_until_us LIMIT ?2")
ORI_JOB_SQL_ROW(PAUSE_FAR, "SELECT seq FROM jobs INDEXED BY jobs_paused WHERE is_paused = 1 "
                           "AND pause_until_us > ?1 ORDER BY pause_until_us LIMIT ?2")
ORI_JOB_SQL_ROW(UNPAUSE, "UPDATE jobs SET is_paused = 0, is_open = (ready > 0 AND state <= 1 AND "
                         "is_stopping = 0) WHERE seq = ?1")
ORI_JOB_SQL_ROW(NEXT_PAUSE, "SELECT pause_until_us FROM jobs INDEXED BY jobs_paused "
                            "WHERE is_paused = 1 ORDER BY pause_until_us LIMIT 1")
ORI_JOB_SQL_ROW(BEST_WAITING, "SELECT seq, priority FROM jobs INDEXED BY jobs_waiting "
                              "WHERE is_open = 1 AND has_turn = 0 AND (?1 = 0 OR is_local = 1) "
                              "ORDER BY priority DESC, served, seq LIMIT 1")
/* Idle ones go first. */
ORI_JOB_SQL_ROW(LOSER, "SELECT seq FROM jobs INDEXED BY jobs_turn WHERE has_turn = 1 AND "
                       "(" ORI_JOB_IS_IDLE " OR priority < ?1 OR "
                       "(turn_claims >= ?2 AND priority <= ?1)) "
                       "ORDER BY " ORI_JOB_IS_IDLE " DESC, priority, "
                       "turn_claims DESC, served LIMIT 1")
ORI_JOB_SQL_ROW(SET_TURN, "UPDATE jobs SET has_turn = ?2, turn_claims = 0 WHERE seq = ?1")
ORI_JOB_SQL_ROW(NEXT_TURN, "SELECT seq FROM jobs INDEXED BY jobs_turn WHERE has_turn = 1 "
                           "AND is_open = 1 AND (?1 = 0 OR is_local = 1) "
                           "ORDER BY served, seq LIMIT 1")
ORI_JOB_SQL_ROW(EXPIRED, "SELECT seq FROM jobs INDEXED BY jobs_ended WHERE ended_us > 0 "
                         "AND ended_us < ?1 ORDER BY ended_us LIMIT 1")
ORI_JOB_SQL_ROW(REMOVE_JOB, "DELETE FROM jobs WHERE seq = ?1")
ORI_JOB_SQL_ROW(LIST_OLDEST, "SELECT " ORI_JOB_COLUMNS " FROM jobs ORDER BY seq LIMIT ?1 OFFSET ?2")
ORI_JOB_SQL_ROW(LIST_NEWEST,
                "SELECT " ORI_JOB_COLUMNS " FROM jobs ORDER BY seq DESC LIMIT ?1 OFFSET ?2")
ORI_JOB_SQL_ROW(LIST_STATE_OLDEST,
                "SELECT " ORI_JOB_COLUMNS " FROM jobs INDEXED BY jobs_state WHERE state = ?3 "
                "ORDER BY seq LIMIT ?1 OFFSET ?2")
ORI_JOB_SQL_ROW(LIST_STATE_NEWEST,
                "SELECT " ORI_JOB_COLUMNS " FROM jobs INDEXED BY jobs_state WHERE state = ?3 "
                "ORDER BY seq DESC LIMIT ?1 OFFSET ?2")

/* items */
ORI_JOB_SQL_ROW(ADD_ITEM, "INSERT INTO items VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, 0, 0, 0, 0, "
                          "'', 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL)")
ORI_JOB_SQL_ROW(ITEM, "SELECT " ORI_ITEM_COLUMNS " FROM items WHERE job = ?1 AND position = ?2")
ORI_JOB_SQL_ROW(ITEMS, "SELECT " ORI_ITEM_COLUMNS " FROM items WHERE job = ?1 AND position >= ?2 "
                       "ORDER BY position LIMIT ?3")
ORI_JOB_SQL_ROW(FIRST_READY, "SELECT " ORI_ITEM_COLUMNS " FROM items INDEXED BY items_ready "
                             "WHERE job = ?1 AND queue = 1 ORDER BY position LIMIT 1")
ORI_JOB_SQL_ROW(COUNT_READY,
                "SELECT count(*) FROM items INDEXED BY items_ready WHERE job = ?1 AND queue = 1")
ORI_JOB_SQL_ROW(IS_RUNNING, "SELECT 1 FROM items INDEXED BY items_running "
                            "WHERE platform = ?1 AND code = ?2 AND state = 1")
ORI_JOB_SQL_ROW(SET_QUEUE, "UPDATE items SET queue = ?3 WHERE job = ?1 AND position = ?2")
ORI_JOB_SQL_ROW(TAKE_ITEM, "UPDATE items SET state = 1, queue = 0, fence = ?3, "
                           "lease_until_us = ?4, started_us = ?5, ended_us = 0 "
                           "WHERE job = ?1 AND position = ?2")
ORI_JOB_SQL_ROW(BEAT_ITEM, "UPDATE items SET lease_until_us = ?3, permille = ?4, stage = ?5 "
                           "WHERE job = ?1 AND position = ?2")
ORI_JOB_SQL_ROW(SET_ITEM,
                "UPDATE items SET state = ?3, queue = ?4, attempts = ?5, losses = ?6, "
                "frames = ?7, permille = ?8, fence = 0, lease_until_us = 0, not_before_us = ?9, "
                "ended_us = ?10, error_code = ?11, error_stage = ?12, error_message = ?13, "
                "error_retryable = ?14 WHERE job = ?1 AND position = ?2")
ORI_JOB_SQL_ROW(NEXT_TWIN, "SELECT position FROM items INDEXED BY items_behind WHERE job = ?1 "
                           "AND twin_of = ?2 AND queue = 2 ORDER BY position LIMIT 1")
ORI_JOB_SQL_ROW(BLOCKED, "SELECT job, position FROM items INDEXED BY items_blocked "
                         "WHERE platform = ?1 AND code = ?2 AND queue = 3 "
                         "ORDER BY priority DESC, job LIMIT ?3")
/* Blocked by a video that is in process no more; rare: see jobs_sqlite_queue.c. */
ORI_JOB_SQL_ROW(STRANDED,
                "SELECT b.job, b.position FROM items b INDEXED BY items_blocked WHERE b.queue = 3 "
                "AND NOT EXISTS(SELECT 1 FROM items r INDEXED BY items_running "
                "WHERE r.platform = b.platform AND r.code = b.code AND r.state = 1) LIMIT ?1")
ORI_JOB_SQL_ROW(DELAY_OVER,
                "SELECT job, position FROM items INDEXED BY items_delayed WHERE queue = 4 "
                "AND not_before_us <= ?1 ORDER BY not_before_us LIMIT ?2")
ORI_JOB_SQL_ROW(DELAY_FAR,
                "SELECT job, position FROM items INDEXED BY items_delayed WHERE queue = 4 "
                "AND not_before_us > ?1 ORDER BY not_before_us LIMIT ?2")
ORI_JOB_SQL_ROW(NEXT_DELAY, "SELECT not_before_us FROM items INDEXED BY items_delayed "
                            "WHERE queue = 4 ORDER BY not_before_us LIMIT 1")
ORI_JOB_SQL_ROW(LAPSED, "SELECT " ORI_ITEM_COLUMNS " FROM items INDEXED BY items_leased "
                        "WHERE state = 1 AND lease_until_us < ?1 ORDER BY lease_until_us LIMIT 1")
ORI_JOB_SQL_ROW(WAITING_PERMILLES,
                "SELECT coalesce(sum(permille), 0) FROM items WHERE job = ?1 AND state = 0")
ORI_JOB_SQL_ROW(STOP_ITEMS, "UPDATE items SET state = 4, queue = 0, permille = 1000, "
                            "not_before_us = 0, ended_us = ?2 WHERE job = ?1 AND state = 0")
ORI_JOB_SQL_ROW(START_ITEMS,
                "UPDATE items SET state = 0, queue = iif(twin_of IS NULL, 1, 2), attempts = 0, "
                "losses = 0, frames = 0, permille = 0, stage = '', not_before_us = 0, "
                "started_us = 0, ended_us = 0, error_code = NULL, error_stage = NULL, "
                "error_message = NULL, error_retryable = NULL "
                "WHERE job = ?1 AND state IN (3, 4)")
/* Of twins whose first item succeeded the first that waits goes to the front. The list is made once,
 * before the first row changes: a subquery for each row would see the rows changed before it. */
ORI_JOB_SQL_ROW(START_TWINS,
                "UPDATE items SET queue = 1 WHERE job = ?1 AND position IN "
                "(SELECT min(t.position) FROM items t INDEXED BY items_behind WHERE t.job = ?1 "
                "AND t.queue = 2 GROUP BY t.twin_of) AND (SELECT f.state FROM items f "
                "WHERE f.job = ?1 AND f.position = items.twin_of) <> 0")
ORI_JOB_SQL_ROW(REMOVE_ITEMS, "DELETE FROM items WHERE job = ?1")

/* events */
ORI_JOB_SQL_ROW(ADD_EVENT, "INSERT INTO events VALUES(?1, ?2, ?3, ?4, ?5, ?6)")
ORI_JOB_SQL_ROW(OLDEST_EVENT, "SELECT id, kind FROM events INDEXED BY events_job "
                              "WHERE job = ?1 ORDER BY id LIMIT 1")
ORI_JOB_SQL_ROW(OLDEST_LOG, "SELECT id, kind FROM events INDEXED BY events_log "
                            "WHERE job = ?1 AND kind = 3 ORDER BY id LIMIT 1")
ORI_JOB_SQL_ROW(REMOVE_EVENT, "DELETE FROM events WHERE id = ?1")
ORI_JOB_SQL_ROW(REMOVE_EVENTS, "DELETE FROM events WHERE job = ?1")
ORI_JOB_SQL_ROW(EVENTS_ALL,
                "SELECT e.id, e.job, j.job_id, e.kind, e.ts_us, e.level, e.text FROM events e "
                "CROSS JOIN jobs j ON j.seq = e.job WHERE e.id > ?2 ORDER BY e.id LIMIT ?3")
ORI_JOB_SQL_ROW(EVENTS_OF_JOB,
                "SELECT e.id, e.job, j.job_id, e.kind, e.ts_us, e.level, e.text "
                "FROM events e INDEXED BY events_job CROSS JOIN jobs j ON j.seq = e.job "
                "WHERE e.job = ?1 AND e.id > ?2 ORDER BY e.id LIMIT ?3")
/* Newest first: the reader turns them round. */
ORI_JOB_SQL_ROW(LOGS, "SELECT e.id, e.job, j.job_id, e.kind, e.ts_us, e.level, e.text FROM "
                      "(SELECT * FROM events INDEXED BY events_log WHERE job = ?1 AND kind = 3 "
                      "AND (?2 = 0 OR level IN ('error', 'warn')) ORDER BY id DESC LIMIT ?3) e "
                      "JOIN jobs j ON j.seq = e.job ORDER BY e.id")

/* outbox */
ORI_JOB_SQL_ROW(ADD_DELIVERY, "INSERT INTO outbox VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?8)")
ORI_JOB_SQL_ROW(DUE, "SELECT o.id, j.job_id, j.webhook_url, o.state, o.total, o.success, o.failed, "
                     "o.stopped, o.ts_us, o.attempts, o.next_us FROM outbox o "
                     "INDEXED BY outbox_due CROSS JOIN jobs j ON j.seq = o.job "
                     "WHERE o.next_us IS NOT NULL ORDER BY o.next_us LIMIT 1")
ORI_JOB_SQL_ROW(DELIVERY, "SELECT job, attempts FROM outbox WHERE id = ?1 AND next_us IS NOT NULL")
ORI_JOB_SQL_ROW(SET_DELIVERY, "UPDATE outbox SET attempts = ?2, next_us = ?3 WHERE id = ?1")
ORI_JOB_SQL_ROW(REMOVE_DELIVERY, "DELETE FROM outbox WHERE id = ?1")
ORI_JOB_SQL_ROW(COUNT_DEAD, "SELECT count(*) FROM outbox INDEXED BY outbox_job "
                            "WHERE job = ?1 AND next_us IS NULL")
ORI_JOB_SQL_ROW(REMOVE_DELIVERIES, "DELETE FROM outbox WHERE job = ?1")

#undef ORI_JOB_OBJECT_ROW
#undef ORI_JOB_SQL_ROW
