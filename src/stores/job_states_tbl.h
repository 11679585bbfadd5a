/* stores/job_states_tbl.h: the states of jobs and items, and every change between them there is.
 * ORI_JOB_STATE_ROW(NAME, "word")            ORI_ITEM_STATE_ROW(NAME, "word")
 * ORI_JOB_MOVE_ROW(FROM, TO, "when")         ORI_ITEM_MOVE_ROW(FROM, TO, "when")
 * A change that has no row is an assert when this program asks for it, a status when a client does.
 * The file is included more than once on purpose. */
#ifndef ORI_JOB_STATE_ROW
#define ORI_JOB_STATE_ROW(...)
#endif
#ifndef ORI_ITEM_STATE_ROW
#define ORI_ITEM_STATE_ROW(...)
#endif
#ifndef ORI_JOB_MOVE_ROW
#define ORI_JOB_MOVE_ROW(...)
#endif
#ifndef ORI_ITEM_MOVE_ROW
#define ORI_ITEM_MOVE_ROW(...)
#endif

ORI_JOB_STATE_ROW(PENDING, "pending")
ORI_JOB_STATE_ROW(RUNNING, "running")
ORI_JOB_STATE_ROW(COMPLETED, "completed")
ORI_JOB_STATE_ROW(FAILED, "failed")
ORI_JOB_STATE_ROW(STOPPED, "stopped")

ORI_JOB_MOVE_ROW(PENDING, RUNNING, "its first item is claimed")
ORI_JOB_MOVE_ROW(PENDING, STOPPED, "a client stops it before anything ran")
ORI_JOB_MOVE_ROW(RUNNING, COMPLETED, "all items ended, at least one with success")
ORI_JOB_MOVE_ROW(RUNNING, FAILED, "all items ended, none with success")
ORI_JOB_MOVE_ROW(RUNNING, STOPPED, "a client stops it and its running items have ended")
ORI_JOB_MOVE_ROW(FAILED, PENDING, "a client starts it again")
ORI_JOB_MOVE_ROW(STOPPED, PENDING, "a client starts it again")

ORI_ITEM_STATE_ROW(WAITING, "waiting")
ORI_ITEM_STATE_ROW(PROCESSING, "processing")
ORI_ITEM_STATE_ROW(SUCCESS, "success")
ORI_ITEM_STATE_ROW(FAILED, "failed")
ORI_ITEM_STATE_ROW(STOPPED, "stopped")

ORI_ITEM_MOVE_ROW(WAITING, PROCESSING, "a worker claims it")
ORI_ITEM_MOVE_ROW(WAITING, STOPPED, "its job is stopped")
ORI_ITEM_MOVE_ROW(PROCESSING, SUCCESS, "all stages are done")
ORI_ITEM_MOVE_ROW(PROCESSING, FAILED, "a failure that does not pass, or the last attempt")
ORI_ITEM_MOVE_ROW(PROCESSING, STOPPED, "its job is stopped")
ORI_ITEM_MOVE_ROW(PROCESSING, WAITING, "another attempt, a lost lease, or handed back at shutdown")
ORI_ITEM_MOVE_ROW(FAILED, WAITING, "a client starts its job again")
ORI_ITEM_MOVE_ROW(STOPPED, WAITING, "a client starts its job again")

#undef ORI_JOB_STATE_ROW
#undef ORI_ITEM_STATE_ROW
#undef ORI_JOB_MOVE_ROW
#undef ORI_ITEM_MOVE_ROW
