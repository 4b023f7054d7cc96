#include "agents/engage/send/address.h"

#include <netinet/in.h>

#define V4 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff

/* Not for us. An IPv4 address is looked at as ::ffff:a.b.c.d. */
static const struct {
    unsigned char prefix[16];
    unsigned bits;
} closed[] = {
    { { V4, 0 }, 96 + 8 },              /* this network */
    { { V4, 10 }, 96 + 8 },             /* private */
    { { V4, 100, 64 }, 96 + 10 },       /* a carrier's */
    { { V4, 127 }, 96 + 8 },            /* loopback */
    { { V4, 169, 254 }, 96 + 16 },      /* the link; metadata services */
    { { V4, 172, 16 }, 96 + 12 },       /* private */
    { { V4, 192, 0, 0 }, 96 + 24 },     /* protocols */
    { { V4, 192, 0, 2 }, 96 + 24 },     /* documentation */
    { { V4, 192, 168 }, 96 + 16 },      /* private */
    { { V4, 198, 18 }, 96 + 15 },       /* benchmarks */
    { { V4, 198, 51, 100 }, 96 + 24 },  /* documentation */
    { { V4, 203, 0, 113 }, 96 + 24 },   /* documentation */
    { { V4, 224 }, 96 + 3 },            /* groups, reserved, broadcast */
    { { 0 }, 96 },                      /* unspecified, loopback, IPv4-compatible */
    { { 0x01, 0x00 }, 64 },             /* discarded */
    { { 0x20, 0x01, 0x00 }, 23 },       /* Teredo and other protocols */
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
    { { 0xfc }, 7 },                    /* private */
    { { 0xfe, 0x80 }, 9 },              /* the link, the site */
    { { 0xff }, 8 },                    /* groups */
};

/* Forms that carry an IPv4 address, and where. */
static const struct {
    unsigned char prefix[16];
    unsigned bits, at;
} carriers[] = {
    { { 0x20, 0x02 }, 16, 2 },                    /* 6to4 */
    { { 0x00, 0x64, 0xff, 0x9b }, 96, 12 },       /* NAT64 */
    { { 0x00, 0x64, 0xff, 0x9b, 0, 1 }, 48, 12 }, /* NAT64 of a network's own */
};

static bool has_prefix(const unsigned char *address, const unsigned char *prefix, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(address, prefix, whole) == 0 &&
           (rest == 0 || ((address[whole] ^ prefix[whole]) >> (8 - rest)) == 0);
}

static bool is_closed(const unsigned char *address)
{
    for (size_t i = 0; i < COUNT(closed); i++)
        if (has_prefix(address, closed[i].prefix, closed[i].bits))
            return true;
    return false;
}

static void map_v4(const unsigned char *v4, unsigned char *ret)
{
    static const unsigned char mapped[] = { V4 };
    memcpy(ret, mapped, sizeof mapped);
    memcpy(ret + sizeof mapped, v4, 4);
}

bool address_public(const struct sockaddr *a)
{
    unsigned char address[16], inner[16];
    if (a->sa_family == AF_INET)
        map_v4((const unsigned char *)&((const struct sockaddr_in *)(const void *)a)->sin_addr, address);
    else if (a->sa_family == AF_INET6)
        memcpy(address, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, sizeof address);
    else
        return false;
    for (size_t i = 0; i < COUNT(carriers); i++)
        if (has_prefix(address, carriers[i].prefix, carriers[i].bits)) {
            map_v4(address + carriers[i].at, inner);
            return !is_closed(inner);
        }
    return !is_closed(address);
}
