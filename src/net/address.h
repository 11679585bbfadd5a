#pragma once
/* net/address.h: which addresses this program may connect to on behalf of somebody else.
 * Public    what is left when loopback, private, link-local, shared, multicast, documentation,
 *           benchmark, reserved and unspecified ranges of IPv4 and IPv6 are taken away, and the one
 *           public address at which a cloud tells machines of themselves; an IPv4
 *           address inside an IPv6 one (mapped, 6to4, NAT64, Teredo) is judged as itself
 * Source    IANA special-purpose address registries (RFC 6890 and its updates); Microsoft, "What is
 *           IP address 168.63.129.16?"
 * Threads   pure; any thread */
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "util/status.h"

struct ori_network_list; /* CIDR blocks that are allowed although not public */

/* text: "10.0.0.0/8, fd00::/8, 127.0.0.1", "" for none. ORI_BAD_SETTING names the word. */
ori_status ori_network_list_create(const char *text, struct ori_network_list **ret_list,
                                   struct ori_error *err);
void ori_network_list_destroy(struct ori_network_list **list); /* null-safe, nulls */

bool ori_address_is_public(const struct sockaddr *address);
/* Public, or in the list. list may be NULL. */
bool ori_address_is_allowed(const struct ori_network_list *list, const struct sockaddr *address);
/* In the list, public or not. */
bool ori_address_is_listed(const struct ori_network_list *list, const struct sockaddr *address);
bool ori_network_list_is_empty(const struct ori_network_list *list); /* so is NULL */
bool ori_address_is_loopback(const struct sockaddr *address);
