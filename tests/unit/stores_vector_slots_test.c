/* The hash table against a plain array that is searched from front to back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "stores/vector_slots.h"

enum { KEYS = 700 };
static uint64_t keys[KEYS]; /* number i has key keys[i] */

static bool is_key(const void *self, uint32_t number, const void *key)
{
    (void)self;
    return memcmp(&keys[number], key, sizeof keys[number]) == 0;
}

static uint32_t find(const struct ori_slots *slots, uint32_t hash, uint64_t key)
{
    return ori_slots_find(slots, hash, is_key, NULL, &key);
}

/* hash_bits: how much of the hash is used, so 0 makes every key collide. */
static void run_mixed(unsigned hash_bits)
{
    struct ori_slots slots;
    bool is_in[KEYS] = {false};
    const uint32_t mask = hash_bits ? UINT32_MAX >> (32 - hash_bits) : 0;
    ori_slots_init(&slots);
    for (uint64_t i = 0; i < KEYS; i++)
        keys[i] = i * 1000003U;
    size_t used = 0;
    for (int step = 0; step < 6000; step++) {
        const uint32_t number = (uint32_t)rand() % KEYS;
        const uint32_t hash = ori_slots_hash(&slots, &keys[number], sizeof keys[number]) & mask;
        assert_int_equal(find(&slots, hash, keys[number]), is_in[number] ? number : ORI_SLOTS_NONE);
        if (is_in[number])
            ori_slots_remove(&slots, hash, number);
        else
            assert_true(ori_slots_add(&slots, hash, number));
        is_in[number] = !is_in[number];
        used += is_in[number] ? 1 : (size_t)-1;
        assert_int_equal(slots.used, used);
    }
    for (uint32_t i = 0; i < KEYS; i++) {
        const uint32_t hash = ori_slots_hash(&slots, &keys[i], sizeof keys[i]) & mask;
        assert_int_equal(find(&slots, hash, keys[i]), is_in[i] ? i : ORI_SLOTS_NONE);
    }
    ori_slots_clear(&slots);
    assert_int_equal(slots.used, 0);
    assert_int_equal(find(&slots, 0, keys[0]), ORI_SLOTS_NONE);
    ori_slots_deinit(&slots);
    ori_slots_deinit(&slots);
}

static void test_find_add_remove(void **state)
{
    static const unsigned bits[] = {0, 1, 3, 8, 32};
    (void)state;
    srand(3);
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
        run_mixed(bits[i]);
}

static void test_renumber(void **state)
{
    (void)state;
    struct ori_slots slots;
    ori_slots_init(&slots);
    keys[5] = keys[9] = 77;
    const uint32_t hash = ori_slots_hash(&slots, &keys[5], sizeof keys[5]);
    assert_true(ori_slots_add(&slots, hash, 5));
    ori_slots_renumber(&slots, hash, 5, 9);
    assert_int_equal(find(&slots, hash, 77), 9);
    ori_slots_deinit(&slots);
}

static void test_hashes_are_salted_and_see_every_byte(void **state)
{
    (void)state;
    struct ori_slots a;
    struct ori_slots b;
    uint8_t key[21] = {0};
    ori_slots_init(&a);
    ori_slots_init(&b);
    a.salt = 1;
    b.salt = 2;
    assert_int_not_equal(ori_slots_hash(&a, key, sizeof key), ori_slots_hash(&b, key, sizeof key));
    const uint32_t before = ori_slots_hash(&a, key, sizeof key);
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = 1;
        assert_int_not_equal(ori_slots_hash(&a, key, sizeof key), before);
        key[i] = 0;
    }
    assert_int_not_equal(ori_slots_hash(&a, key, 20), before);
    ori_slots_deinit(&a);
    ori_slots_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find_add_remove),
        cmocka_unit_test(test_renumber),
        cmocka_unit_test(test_hashes_are_salted_and_see_every_byte),
    };
    return cmocka_run_group_tests_name("stores/vector_slots", tests, NULL, NULL);
}
