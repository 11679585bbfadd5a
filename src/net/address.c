#include "net/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "util/limits.h"
#include "util/text.h"

#define WORD_BYTES_MAX 64 /* the longest IPv6 address has 45 characters, its prefix 4 */
#define MAPPED_BITS 96

/* Every address as the 16 bytes of IPv6; IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct address {
    uint8_t bytes[16];
};
struct network {
    struct address address;
    int bits; /* of the 128 */
};
struct ori_network_list {
    size_t count;
    struct network networks[ORI_LIMIT_MAX_NETWORKS];
};
struct special {
    uint8_t bytes[16];
    int bits;
};

static const struct special mapped = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF}, MAPPED_BITS};
static const struct special loopback6 = {{[15] = 1}, 128};
static const struct special global_unicast = {{0x20}, 3};
static const struct special nat64 = {{0x00, 0x64, 0xFF, 0x9B}, 96}; /* RFC 6052, well known */
static const struct special six_to_four = {{0x20, 0x02}, 16};       /* RFC 3056 */
static const struct special teredo = {{0x20, 0x01, 0, 0}, 32};      /* RFC 4380 */

/* IANA IPv4 special-purpose registry, and multicast; bits are those of IPv4. */
static const struct special specials4[] = {
    {{0}, 8},                 /* this network */
    {{10}, 8},                /* private */
    {{100, 64}, 10},          /* shared, RFC 6598 */
    {{127}, 8},               /* loopback */
    {{168, 63, 129, 16}, 32}, /* Azure's own machines alone: metadata of the one that asks */
    {{169, 254}, 16},         /* link-local, cloud metadata */
    {{172, 16}, 12},          /* private */
    {{192, 0, 0}, 24},        /* protocol assignments */
    {{192, 0, 2}, 24},        /* documentation */
    {{192, 88, 99}, 24},      /* 6to4 relays, RFC 7526 */
    {{192, 168}, 16},         /* private */
    {{198, 18}, 15},          /* benchmarks */
    {{198, 51, 100}, 24},     /* documentation */
    {{203, 0, 113}, 24},      /* documentation */
    {{224}, 4},               /* multicast */
    {{240}, 4},               /* reserved, broadcast */
};

/* The same of IPv6, inside 2000::/3: outside it nothing is global unicast. */
static const struct special specials6[] = {
    {{0x20, 0x01, 0x00}, 23},       /* protocol assignments, ORCHID, benchmarks */
    {{0x20, 0x01, 0x0D, 0xB8}, 32}, /* documentation */
    {{0x3F, 0xFF, 0x00}, 20},       /* documentation, RFC 9637 */
    {{0x3F, 0xFE}, 16},             /* 6bone, given back by RFC 3701 */
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_inside(const uint8_t *bytes, const uint8_t *network, int bits)
{
    int whole = bits / 8;
    int rest = bits % 8;
    if (memcmp(bytes, network, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((bytes[whole] ^ network[whole]) & (0xFF << (8 - rest)) & 0xFF) == 0;
}

static bool is_of(const struct address *address, const struct special *special)
{
    return is_inside(address->bytes, special->bytes, special->bits);
}

static struct address address_of_v4(const uint8_t bytes[4])
{
    struct address address;
    memcpy(address.bytes, mapped.bytes, 12);
    memcpy(address.bytes + 12, bytes, 4);
    return address;
}

/* False for families that are not of the internet. */
static bool read_sockaddr(const struct sockaddr *sockaddr, struct address *ret_address)
{
    if (sockaddr->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sockaddr, sizeof in);
        uint8_t bytes[4];
        memcpy(bytes, &in.sin_addr, sizeof bytes);
        *ret_address = address_of_v4(bytes);
        return true;
    }
    if (sockaddr->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sockaddr, sizeof in6);
        memcpy(ret_address->bytes, &in6.sin6_addr, sizeof ret_address->bytes);
        return true;
    }
    return false;
}

/* The IPv4 addresses that packets to this IPv6 address end at: 0, 1, or 2 (Teredo names server and
 * client, the latter with its bits turned over). */
static int read_inner(const struct address *address, struct address ret_inner[2])
{
    const uint8_t *bytes = address->bytes;
    if (is_of(address, &nat64)) {
        ret_inner[0] = address_of_v4(bytes + 12);
        return 1;
    }
    if (is_of(address, &six_to_four)) {
        ret_inner[0] = address_of_v4(bytes + 2);
        return 1;
    }
    if (is_of(address, &teredo)) {
        uint8_t client[4];
        for (int i = 0; i < 4; i++)
            client[i] = (uint8_t)~bytes[12 + i];
        ret_inner[0] = address_of_v4(bytes + 4);
        ret_inner[1] = address_of_v4(client);
        return 2;
    }
    return 0;
}

static bool is_listed(const struct ori_network_list *list, const struct address *address)
{
    for (size_t i = 0; list && i < list->count; i++) {
        const struct network *network = &list->networks[i];
        if (is_inside(address->bytes, network->address.bytes, network->bits))
            return true;
    }
    return false;
}

static bool is_public_v4(const struct address *address)
{
    for (size_t i = 0; i < COUNT_OF(specials4); i++) {
        if (is_inside(address->bytes + 12, specials4[i].bytes, specials4[i].bits))
            return false;
    }
    return true;
}

static bool is_public_v6(const struct address *address)
{
    if (!is_of(address, &global_unicast))
        return false;
    for (size_t i = 0; i < COUNT_OF(specials6); i++) {
        if (is_of(address, &specials6[i]))
            return false;
    }
    return true;
}

static bool is_allowed(const struct ori_network_list *list, const struct address *address)
{
    struct address inner[2];
    if (is_listed(list, address))
        return true;
    if (is_of(address, &mapped))
        return is_public_v4(address);
    int count = read_inner(address, inner);
    if (count == 0)
        return is_public_v6(address);
    for (int i = 0; i < count; i++) {
        if (!is_public_v4(&inner[i]) && !is_listed(list, &inner[i]))
            return false;
    }
    return true;
}

bool ori_address_is_allowed(const struct ori_network_list *list, const struct sockaddr *sockaddr)
{
    struct address address;
    return read_sockaddr(sockaddr, &address) && is_allowed(list, &address);
}

/* As is_allowed has it: an IPv4 address inside of one of IPv6 counts as itself. */
bool ori_address_is_listed(const struct ori_network_list *list, const struct sockaddr *sockaddr)
{
    struct address address;
    struct address inner[2];
    if (!read_sockaddr(sockaddr, &address))
        return false;
    int count = read_inner(&address, inner);
    for (int i = 0; i < count; i++) {
        if (!is_listed(list, &inner[i]))
            return is_listed(list, &address);
    }
    return count > 0 || is_listed(list, &address);
}

bool ori_network_list_is_empty(const struct ori_network_list *list)
{
    return !list || list->count == 0;
}

bool ori_address_is_public(const struct sockaddr *sockaddr)
{
    return ori_address_is_allowed(NULL, sockaddr);
}

bool ori_address_is_loopback(const struct sockaddr *sockaddr)
{
    struct address address;
    if (!read_sockaddr(sockaddr, &address))
        return false;
    if (is_of(&address, &mapped))
        return address.bytes[12] == 127;
    return is_of(&address, &loopback6);
}

/* ---- the list ---- */

static bool has_host_bits(const struct network *network)
{
    for (int bit = network->bits; bit < 128; bit++) {
        if (network->address.bytes[bit / 8] & (0x80 >> bit % 8))
            return true;
    }
    return false;
}

/* "10.0.0.0/8", or one address alone. */
static ori_status read_network(const char *word, struct network *ret_network, struct ori_error *err)
{
    char text[WORD_BYTES_MAX];
    uint8_t v4[4];
    int64_t bits = 0;
    if (strlen(word) >= sizeof text)
        return ori_error_set(err, ORI_BAD_SETTING, "%s: expected a network like 10.0.0.0/8", word);
    memcpy(text, word, strlen(word) + 1);
    char *slash = strchr(text, '/');
    if (slash)
        *slash = '\0';
    bool is_v4 = inet_pton(AF_INET, text, v4) == 1;
    if (is_v4)
        ret_network->address = address_of_v4(v4);
    else if (inet_pton(AF_INET6, text, ret_network->address.bytes) != 1)
        return ori_error_set(err, ORI_BAD_SETTING, "%s: expected a network like 10.0.0.0/8", word);
    int bits_max = is_v4 ? 32 : 128;
    if (!slash)
        bits = bits_max;
    else if (!ori_text_to_int(slash + 1, &bits) || bits < 0 || bits > bits_max)
        return ori_error_set(err, ORI_BAD_SETTING, "%s: expected /0 to /%d behind the address",
                             word, bits_max);
    ret_network->bits = (int)bits + (is_v4 ? MAPPED_BITS : 0);
    if (has_host_bits(ret_network))
        return ori_error_set(err, ORI_BAD_SETTING, "%s: bits are set behind the first %lld", word,
                             (long long)bits);
    return ORI_OK;
}

static ori_status add_word(struct ori_network_list *list, const char *text, size_t bytes,
                           struct ori_error *err)
{
    char word[WORD_BYTES_MAX + 1];
    if (list->count >= ORI_LIMIT_MAX_NETWORKS)
        return ori_error_set(err, ORI_BAD_SETTING, "more than %d networks", ORI_LIMIT_MAX_NETWORKS);
    if (bytes > WORD_BYTES_MAX)
        bytes = WORD_BYTES_MAX; /* already too long: only its start is shown */
    memcpy(word, text, bytes);
    word[bytes] = '\0';
    ori_status status = read_network(word, &list->networks[list->count], err);
    if (status == ORI_OK)
        list->count++;
    return status;
}

ori_status ori_network_list_create(const char *text, struct ori_network_list **ret_list,
                                   struct ori_error *err)
{
    static const char separators[] = ", \t";
    struct ori_network_list *list = calloc(1, sizeof *list);
    if (!list)
        return ori_error_set(err, ORI_NOMEM, "list of networks");
    ori_status status = ORI_OK;
    for (text += strspn(text, separators); *text && status == ORI_OK;) {
        size_t bytes = strcspn(text, separators);
        status = add_word(list, text, bytes, err);
        text += bytes;
        text += strspn(text, separators);
    }
    if (status == ORI_OK) {
        *ret_list = list;
        list = NULL;
    }
    ori_network_list_destroy(&list);
    return status;
}

void ori_network_list_destroy(struct ori_network_list **list)
{
    if (!list)
        return;
    free(*list);
    *list = NULL;
}
