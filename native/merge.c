/*
 * Received TCP segments put together to one super-segment, as Linux does with what a network card brings (GRO), for a TAP without the
 * offload header: a bulk transfer costs the stack a packet for 64 KiB instead of 45. The last segment of a run may be shorter, and is
 * the only one with PSH.
 *
 * Only what can be cut into the same frames again (segments.c, src/wire/gso.ts) is put together: whoever forwards or records a
 * super-segment passes on what came. All checksums are verified first; what is not right stays as it is, for the stack to count.
 *
 * It is here for its speed: bench/README.md has what it gains (`npm run bench:peers`, tapRxPlainShareOfIdeal).
 */
#include "vimage.h"
#include "octets.h"

#define ETHER_LEN 14
#define ETHER_TAG_LEN 18
#define TYPE_TAG 0x8100
#define TYPE_IP 0x0800
#define TYPE_IP6 0x86dd
#define IP_LEN 20
#define IP6_LEN 40
#define IP_DF 0x4000
#define TCP_MIN 20
#define TCP 6
#define TH_PUSH 0x08
#define TH_ACK 0x10
/* RFC 791 §3.1, RFC 8200 §3: a length field is 16 bits wide. */
#define MAX_PACKET 65535
#define MAX_FRAMES 64

static bool same_path(const uint8_t *a, const uint8_t *b, const struct segment *s);
static bool same_connection(const uint8_t *a, const uint8_t *b, uint32_t length);
static uint64_t pseudo_header(const uint8_t *ip, uint32_t tcp_length);

/*
 * What the frame carries, if that is TCP data over IP with nothing unusual about it: no IP options or fragments (RFC 791), no
 * extension headers (RFC 8200), no flags but ACK and PSH (RFC 9293 §3.1), right checksums.
 */
bool segment_read(const uint8_t *frame, uint32_t length, struct segment *s) {
  if (length < ETHER_TAG_LEN + IP_LEN + TCP_MIN) return false;
  bool tagged = get16(frame + 12) == TYPE_TAG;
  uint32_t type = get16(frame + (tagged ? 16 : 12));
  s->l3 = tagged ? ETHER_TAG_LEN : ETHER_LEN;
  s->l4 = s->l3 + (type == TYPE_IP6 ? IP6_LEN : IP_LEN);
  if (length < s->l4 + TCP_MIN) return false;
  const uint8_t *ip = frame + s->l3, *tcp = frame + s->l4;
  if (type == TYPE_IP) {
    if (ip[0] != 0x45 || ip[9] != TCP || get16(ip + 2) != length - s->l3) return false;
    if ((get16(ip + 6) & ~IP_DF) != 0 || fold(sum(0, ip, IP_LEN)) != 0) return false;
  } else if (type != TYPE_IP6 || ip[0] >> 4 != 6 || ip[6] != TCP || get16(ip + 4) != length - s->l4) return false;
  s->headers = s->l4 + (tcp[12] >> 4) * 4u;
  if (s->headers < s->l4 + TCP_MIN || s->headers >= length) return false;
  if ((tcp[12] & 15) != 0 || (tcp[13] & ~TH_PUSH) != TH_ACK) return false;
  s->payload = length - s->headers;
  s->push = (tcp[13] & TH_PUSH) != 0;
  return fold(sum(pseudo_header(ip, length - s->l4), tcp, length - s->l4)) == 0;
}

/* `frame` with `s` in it begins a run, if another segment may follow: nothing is moved before one does. */
void run_begin(struct run *r, uint8_t *frame, const struct segment *s) {
  r->open = !s->push;
  r->frames = 1;
  r->first = *s;
  r->data = frame;
  r->length = s->headers + s->payload;
}

/* The segment of `frame` is the one that follows: same connection, same headers but for what counts up. */
bool run_continues(const struct run *r, const uint8_t *frame, const struct segment *s) {
  if (!r->open || r->frames == MAX_FRAMES || s->payload > r->first.payload) return false;
  if (s->l3 != r->first.l3 || s->l4 != r->first.l4 || s->headers != r->first.headers) return false;
  if (r->length - s->l3 + s->payload > MAX_PACKET) return false;
  const uint8_t *ip = frame + s->l3, *tcp = frame + s->l4;
  const uint8_t *first_ip = r->data + s->l3, *first_tcp = r->data + s->l4;
  if (ip[0] >> 4 == 4 && get16(ip + 4) != ((get16(first_ip + 4) + r->frames) & 0xffff)) return false;
  if (get32(tcp + 4) != get32(first_tcp + 4) + (r->length - r->first.headers)) return false;
  return same_path(r->data, frame, s) && same_connection(first_tcp, tcp, s->headers - s->l4);
}

/* The run goes on in `room`, which has room for a super-segment. */
void run_move(struct run *r, uint8_t *room) {
  memcpy(room, r->data, r->length);
  r->data = room;
}

void run_append(struct run *r, const uint8_t *frame, const struct segment *s) {
  memcpy(r->data + r->length, frame + s->headers, s->payload);
  r->length += s->payload;
  r->frames++;
  if (s->push) r->data[s->l4 + 13] |= TH_PUSH;
  r->open = !s->push && s->payload == r->first.payload;
}

/* Lengths and sums of the whole; of TCP's the pseudo-header's part, as of every super-segment. */
void run_finish(struct run *r) {
  uint8_t *ip = r->data + r->first.l3, *tcp = r->data + r->first.l4;
  uint32_t tcp_length = r->length - r->first.l4;
  if (ip[0] >> 4 == 4) {
    put16(ip + 2, r->length - r->first.l3);
    memset(ip + 10, 0, 2);
    uint16_t field = fold(sum(0, ip, IP_LEN));
    memcpy(ip + 10, &field, 2);
  } else put16(ip + 4, tcp_length);
  uint16_t field = (uint16_t)~fold(pseudo_header(ip, tcp_length));
  memcpy(tcp + 16, &field, 2);
}

/* Link and IP headers: all but length, identification and header checksum. */
static bool same_path(const uint8_t *a, const uint8_t *b, const struct segment *s) {
  if (memcmp(a, b, s->l3) != 0) return false;
  a += s->l3;
  b += s->l3;
  if (a[0] >> 4 == 6) return memcmp(a, b, 4) == 0 && memcmp(a + 6, b + 6, IP6_LEN - 6) == 0;
  return memcmp(a, b, 2) == 0 && memcmp(a + 6, b + 6, 4) == 0 && memcmp(a + 12, b + 12, 8) == 0;
}

/* Headers of TCP, options and all: but for sequence number, PSH and checksum. */
static bool same_connection(const uint8_t *a, const uint8_t *b, uint32_t length) {
  return memcmp(a, b, 4) == 0 && memcmp(a + 8, b + 8, 5) == 0 && memcmp(a + 14, b + 14, 2) == 0 &&
    memcmp(a + 18, b + 18, length - 18) == 0;
}

/* RFC 9293 §3.1, RFC 8200 §8.1. */
static uint64_t pseudo_header(const uint8_t *ip, uint32_t tcp_length) {
  uint8_t rest[4] = { 0, TCP };
  put16(rest + 2, tcp_length);
  return sum(ip[0] >> 4 == 4 ? sum(0, ip + 12, 8) : sum(0, ip + 8, 32), rest, 4);
}
