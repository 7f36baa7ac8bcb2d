/*
 * TCP super-segments cut into the frames of a wire (RFC 9293 §3.1, RFC 791 §3.1, RFC 8200 §3): src/wire/gso.ts in C, for a TAP
 * that takes plain frames only. Headers are made beside the payload, which the kernel gathers from where it lies.
 *
 * It is here for its speed: bench/README.md has what it gains (`npm run bench:peers`, tapTxPlainShareOfIdeal).
 */
#include "vimage.h"
#include "octets.h"

#define TCP_MIN 20
#define TH_FIN 0x01
#define TH_PUSH 0x08
#define TH_CWR 0x80

static int slice(const struct cut *c, uint32_t sent, uint32_t length, struct iovec out[VIMAGE_CUT_PARTS]);
static void write_headers(uint8_t *out, const struct cut *c, uint32_t sent, const struct iovec *data, int n);

/* What was described is a TCP packet over IP whose headers lie in order and in the frame. */
bool cut_is_sound(const struct cut *c) {
  uint32_t version = c->l3 < c->headers ? c->frame[c->l3] >> 4 : 0;
  return c->size > 0 && c->headers <= VIMAGE_CUT_HEADERS &&
    (version == 4 || version == 6) && c->l3 + (version == 4 ? 20 : 40) <= c->l4 && c->l4 + TCP_MIN <= c->headers &&
    (version == 6 || c->l3 + (c->frame[c->l3] & 15u) * 4 <= c->l4);
}

/*
 * Queues the segments, records first … then of a batch; those that the kernel takes are counted in *taken. Returns 0, or EAGAIN or the
 * fatal errno that ended it.
 */
int cut_write(struct queue *q, const struct cut *c, int32_t first, int32_t then, uint32_t *taken) {
  uint32_t payload = (uint32_t)(c->payload[0].iov_len + c->payload[1].iov_len);
  uint32_t sent = 0;
  do {
    uint32_t length = payload - sent < c->size ? payload - sent : c->size;
    struct pending *p = queue_next(q, 1 + VIMAGE_CUT_PARTS, first, then);
    if (p == NULL) return q->ended;
    p->taken = taken;
    p->parts[0] = (struct iovec){ .iov_base = q->headers[p - q->writes], .iov_len = c->headers };
    p->n = 1 + slice(c, sent, length, p->parts + 1);
    write_headers(p->parts[0].iov_base, c, sent, p->parts + 1, p->n - 1);
    sent += length;
  } while (sent < payload);
  return 0;
}

/* Octets sent … sent+length of the payload, in as many parts as are returned. */
static int slice(const struct cut *c, uint32_t sent, uint32_t length, struct iovec out[VIMAGE_CUT_PARTS]) {
  int n = 0;
  for (int i = 0; i < VIMAGE_CUT_PARTS && length > 0; i++) {
    uint32_t size = (uint32_t)c->payload[i].iov_len;
    if (sent >= size) {
      sent -= size;
      continue;
    }
    uint32_t here = size - sent < length ? size - sent : length;
    out[n].iov_base = (uint8_t *)c->payload[i].iov_base + sent;
    out[n++].iov_len = here;
    sent = 0;
    length -= here;
  }
  return n;
}

/* The headers of the segment that begins `sent` octets into the payload and carries `data`. */
static void write_headers(uint8_t *out, const struct cut *c, uint32_t sent, const struct iovec *data, int n) {
  uint32_t length = 0;
  for (int i = 0; i < n; i++) length += (uint32_t)data[i].iov_len;
  memcpy(out, c->frame, c->headers);
  uint8_t *ip = out + c->l3, *tcp = out + c->l4;
  uint32_t tcp_length = c->headers - c->l4 + length;
  bool last = sent + length == c->payload[0].iov_len + c->payload[1].iov_len;
  uint64_t total;
  if (ip[0] >> 4 == 6) {
    put16(ip + 4, c->headers - c->l3 - 40 + length);
    total = sum(0, ip + 8, 32);
  } else {
    put16(ip + 2, c->headers - c->l3 + length);
    put16(ip + 4, get16(ip + 4) + sent / c->size);
    memset(ip + 10, 0, 2);
    uint16_t field = fold(sum(0, ip, (ip[0] & 15u) * 4));
    memcpy(ip + 10, &field, 2);
    total = sum(0, ip + 12, 8);
  }
  put32(tcp + 4, get32(tcp + 4) + sent);
  /* What ends the data belongs to the last segment, the answer to a congestion mark to the first (RFC 3168 §6.1.2). */
  if (!last) tcp[13] &= (uint8_t)~(TH_FIN | TH_PUSH);
  if (sent != 0) tcp[13] &= (uint8_t)~TH_CWR;
  memset(tcp + 16, 0, 2);
  uint8_t pseudo[4] = { 0, 6 };
  put16(pseudo + 2, tcp_length);
  total = sum(total, pseudo, 4);
  /* The header is a multiple of four octets long, so the payload's words line up with a sum of their own. */
  total = sum(total, tcp, c->headers - c->l4);
  bool odd = false;
  for (int i = 0; i < n; i++) {
    uint16_t part = (uint16_t)~fold(sum(0, data[i].iov_base, data[i].iov_len));
    /* RFC 1071 §2 (B): what begins at an odd place is summed with its octets swapped. */
    total += odd ? (uint16_t)(part << 8 | part >> 8) : part;
    odd ^= (data[i].iov_len & 1) != 0;
  }
  uint16_t field = fold(total);
  memcpy(tcp + 16, &field, 2);
}
