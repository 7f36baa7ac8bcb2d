/*
 * What the addon's files share: the per-environment instance, the TAP and array tables, argument and error helpers.
 *
 * Everything hangs off one `struct instance` kept as Node-API instance data, so the addon may be loaded by the main
 * thread and by any number of workers at once; there is no mutable global.
 */
#ifndef VIMAGE_H
#define VIMAGE_H

#include <net/if.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#define VIMAGE_MAX_TAPS 1024
#define VIMAGE_MAX_ARRAYS 1024
#define VIMAGE_MAX_IOV 1024
/* Array numbers of a write from here on are places in its own list. */
#define VIMAGE_LENT_BASE 0x10000
/* Rooms that a read puts segments together in, at most. */
#define VIMAGE_MERGE_ROOMS 8
/* Link, network and transport headers of a super-segment that is cut here. */
#define VIMAGE_CUT_HEADERS 256
/* Frames that are written in one call, at most, and places in all that they are gathered from. A power of two. */
#define VIMAGE_QUEUE 64
#define VIMAGE_QUEUE_PARTS 256

struct poll;
struct uring;

/*
 * One open TAP descriptor. Its number in JavaScript is (generation << 10) | index, so a stale number is refused. Unlimited: no write finds
 * it full (TUNSETSNDBUF).
 */
struct tap {
  int fd;
  uint32_t generation;
  bool unlimited;
  struct poll *poll;
};

/* A typed array lent by JavaScript; pointer and length are looked up again in every batch (it may be detached). */
struct array {
  napi_ref ref;
  uint32_t users;
  uint64_t batch;
  uint8_t *data;
  size_t length;
};

/* Places where the payload of a super-segment may lie: behind its headers, or in a ring that may wrap. */
#define VIMAGE_CUT_PARTS 2

/* A TCP super-segment to be cut into frames of `size` octets of payload; all its headers, offsets in them, its payload. */
struct cut {
  const uint8_t *frame;
  uint32_t size, l3, l4, headers;
  struct iovec payload[VIMAGE_CUT_PARTS];
};

/* A TCP segment that may be put together with others: offsets of its IP and TCP headers, of its payload; octets of that. */
struct segment {
  uint32_t l3, l4, headers, payload;
  bool push;
};

/* Segments that follow each other, put together: the first one's shape, and the frame as it has grown. */
struct run {
  bool open;
  uint32_t frames, length;
  uint8_t *data;
  struct segment first;
};

/*
 * One frame that waits to be written, gathered from `n` parts: the batch's record that it is, the one to go on with after a full device,
 * and where its errno goes, or a one when it was taken.
 */
struct pending {
  int32_t first, then;
  int n, error;
  struct iovec *parts;
  uint32_t *refused, *taken;
};

/* Writes to one TAP that wait, up to `most`; headers that are made for them. */
struct queue {
  int fd, ended;
  uint32_t count, parts, most;
  int32_t stopped;
  struct uring *ring;
  struct pending writes[VIMAGE_QUEUE];
  struct iovec iov[VIMAGE_QUEUE_PARTS];
  uint8_t headers[VIMAGE_QUEUE][VIMAGE_CUT_HEADERS];
};

struct instance {
  napi_env env;
  napi_async_cleanup_hook_handle cleanup;
  bool closing;
  uint32_t polls;
  uint64_t batch;
  struct queue *queue;
  struct tap taps[VIMAGE_MAX_TAPS];
  struct array arrays[VIMAGE_MAX_ARRAYS];
};

/* addon.c */
struct instance *instance_of(napi_env env);
napi_value throw_errno(napi_env env, int err, const char *syscall, const char *path);
napi_value throw_type(napi_env env, const char *message);
bool get_args(napi_env env, napi_callback_info info, size_t count, napi_value *argv);
bool get_int(napi_env env, napi_value v, int32_t *out);
bool get_ifname(napi_env env, napi_value v, char out[IFNAMSIZ]);
napi_value make_int(napi_env env, int32_t n);
napi_value make_string(napi_env env, const char *text);
void set_named(napi_env env, napi_value object, const char *name, napi_value value);
void instance_drained(struct instance *in);

/* tap.c */
napi_value tap_open(napi_env env, napi_callback_info info);
napi_value tap_attach_fd(napi_env env, napi_callback_info info);
napi_value tap_info(napi_env env, napi_callback_info info);
napi_value tap_set(napi_env env, napi_callback_info info);
napi_value tap_close(napi_env env, napi_callback_info info);
struct tap *tap_find(struct instance *in, int32_t handle);
struct tap *tap_arg(napi_env env, napi_value v);
void tap_release(struct instance *in, struct tap *t);

/* netif.c */
napi_value netif_get(napi_env env, napi_callback_info info);
napi_value netif_set(napi_env env, napi_callback_info info);
napi_value netif_get_mac(napi_env env, napi_callback_info info);
napi_value netif_set_mac(napi_env env, napi_callback_info info);
napi_value netif_set_address(napi_env env, napi_callback_info info);

/* arrays.c */
napi_value array_register(napi_env env, napi_callback_info info);
napi_value array_unregister(napi_env env, napi_callback_info info);
struct array *array_current(struct instance *in, uint32_t id);

/* batch.c */
napi_value batch_read(napi_env env, napi_callback_info info);
napi_value batch_write(napi_env env, napi_callback_info info);
ssize_t write_frame(int fd, const struct iovec *parts, int n);
bool is_fatal(int err);

/* segments.c */
bool cut_is_sound(const struct cut *c);
int cut_write(struct queue *q, const struct cut *c, int32_t first, int32_t then, uint32_t *taken);

/* uring.c */
napi_value writes_together(napi_env env, napi_callback_info info);
struct queue *queue_begin(struct instance *in, const struct tap *t);
struct pending *queue_next(struct queue *q, int need, int32_t first, int32_t then);
int queue_flush(struct queue *q);
void queue_free(struct queue *q);

/* merge.c */
bool segment_read(const uint8_t *frame, uint32_t length, struct segment *s);
void run_begin(struct run *r, uint8_t *frame, const struct segment *s);
bool run_continues(const struct run *r, const uint8_t *frame, const struct segment *s);
void run_move(struct run *r, uint8_t *room);
void run_append(struct run *r, const uint8_t *frame, const struct segment *s);
void run_finish(struct run *r);

/* poll.c */
napi_value poll_start(napi_env env, napi_callback_info info);
napi_value poll_stop(napi_env env, napi_callback_info info);
napi_value poll_ref(napi_env env, napi_callback_info info);
void poll_close(struct poll *p);

#endif
