/* cli/verbs_tbl.h: every verb, in the order of `oriane --help`.
 * ORI_VERB_ROW(name): the struct ori_verb_<name> of its file. Included more than once on purpose. */
ORI_VERB_ROW(run)
ORI_VERB_ROW(search)
ORI_VERB_ROW(serve)
ORI_VERB_ROW(jobs)
ORI_VERB_ROW(embed)
ORI_VERB_ROW(reindex)
ORI_VERB_ROW(model)
ORI_VERB_ROW(config)
ORI_VERB_ROW(doctor)
ORI_VERB_ROW(version)
ORI_VERB_ROW(help)
ORI_VERB_ROW(decode)
