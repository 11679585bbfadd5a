#pragma once
/* pipeline/extract.h: all that happens inside the decode child: one video, decoded once, to kept
 * frames; or the same video, once its box is known, to the cropped clip; or one picture from outside to
 * model input.
 * Flow       decode ▶ thumb ▶ borders ▶ choose (scenes, novelty) ▶ hold ▶ crop ▶ solid? ▶ dhash ▶ dedup
 *            ▶ still + model input into a slot ▶ FRAME
 * Hold       chosen frames wait, because what comes later says more about the bars: until the video
 *            ends, or until ORI_LIMIT_MAX_HELD_BYTES of them wait and the oldest must go. Every
 *            frame is cropped by evidence that includes itself, so no line of picture is lost
 *            either way
 * Memory     frames in flight, whatever the video's length: decoder + windows + held
 * Walls      START is heard, then media/sandbox.h is entered, then the first byte is read
 * Ends       with DONE or FAIL on the socket; the return value is the process's exit status: 0 also
 *            after FAIL, which is an orderly end; 1 when there was nobody to tell.
 *            Memory that is refused is ORI_LIMIT, with the setting that refuses it
 * Threads    the child's one thread */

/* With the descriptors of media/child_proto.h. */
int ori_extract_main(void);
