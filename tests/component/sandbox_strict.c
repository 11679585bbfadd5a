/* Linked with the program's main in place of the sandbox's door: oriane_strict, the program whose
 * decode child is killed by the first call that is not on the list. Whatever it still decodes needs
 * no other call. Driven by tests/e2e/test_sandbox.py. */
#include "media/sandbox.h"

ori_status __real_ori_sandbox_enter(const struct ori_sandbox_options *options,
                                    struct ori_sandbox_facts *ret_facts, struct ori_error *err);
ori_status __wrap_ori_sandbox_enter(const struct ori_sandbox_options *options,
                                    struct ori_sandbox_facts *ret_facts, struct ori_error *err);

ori_status __wrap_ori_sandbox_enter(const struct ori_sandbox_options *options,
                                    struct ori_sandbox_facts *ret_facts, struct ori_error *err)
{
    struct ori_sandbox_options strict = *options;
    strict.answer = ORI_SANDBOX_KILL;
    return __real_ori_sandbox_enter(&strict, ret_facts, err);
}
