/* pipeline/verify_tbl.h: what can be wrong with a stored video, one row each.
 * ORI_VERIFY_ROW(NAME, "code", "what it means", "what is done about it")
 * Codes are part of the contract: never renamed. The file is included more than once on purpose. */
ORI_VERIFY_ROW(MANIFEST_MISSING, "manifest_missing", "frames or points, and no manifest",
               "they are deleted")
ORI_VERIFY_ROW(MANIFEST_BROKEN, "manifest_broken", "a manifest that cannot be read",
               "it is deleted, with the video's frames and points")
ORI_VERIFY_ROW(MANIFEST_UNFINISHED, "manifest_unfinished",
               "the manifest says that a run has not ended", "nothing: run the video again")
ORI_VERIFY_ROW(MANIFEST_MODEL, "manifest_model", "the manifest names another model",
               "nothing: run the video again")
ORI_VERIFY_ROW(FRAME_MISSING, "frame_missing", "a still that the manifest names is not there",
               "the manifest is marked unfinished")
ORI_VERIFY_ROW(FRAME_DAMAGED, "frame_damaged",
               "a still is empty, has another size than the manifest says, or is no picture",
               "the manifest is marked unfinished")
ORI_VERIFY_ROW(FRAME_STALE, "frame_stale", "a still that the manifest does not name",
               "it is deleted")
ORI_VERIFY_ROW(CLIP_MISSING, "clip_missing",
               "the cropped clip that the manifest names is not there",
               "the manifest is marked unfinished")
ORI_VERIFY_ROW(CLIP_DAMAGED, "clip_damaged", "the clip has another size than the manifest says",
               "the manifest is marked unfinished")
ORI_VERIFY_ROW(CLIP_STALE, "clip_stale", "a clip that the manifest does not name", "it is deleted")
ORI_VERIFY_ROW(POINT_MISSING, "point_missing", "a still has no point",
               "it is made again from the still")
ORI_VERIFY_ROW(POINT_WRONG, "point_wrong", "a point's payload is not that of its still",
               "it is written again")
ORI_VERIFY_ROW(POINT_STALE, "point_stale", "a point that is of no still", "it is deleted")
ORI_VERIFY_ROW(POINT_FOREIGN, "point_foreign", "a point without a video",
               "nothing: whoever wrote it must delete it")
