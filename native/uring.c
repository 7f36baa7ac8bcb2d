/*
 * Writes that wait for each other's company: up to VIMAGE_QUEUE frames go to the kernel in one system call, through an io_uring
 * (io_uring_setup(2), io_uring_enter(2)) of the thread. Where the kernel has none, forbids it or is too old, and for a few frames, each is
 * a write of its own; VIMAGE_IO_URING=0 asks for that.
 *
 * It is here for its speed: bench/README.md has what it gains (`npm run bench:peers`, tapTxShareOfIdeal, tapTxPlainShareOfIdeal).
 */
#include "vimage.h"

#include <errno.h>
#include <linux/io_uring.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 5.18; older headers do not name it. */
#ifndef IORING_SETUP_SUBMIT_ALL
#define IORING_SETUP_SUBMIT_ALL (1U << 7)
#endif
/* Below this a call of the ring's costs more than it saves (bench/writes.mjs). */
#define WORTH_A_RING 4

/* Head, tail and mask of both queues lie in one mapping that the kernel shares. */
struct uring {
  int fd;
  void *rings;
  size_t rings_size;
  struct io_uring_sqe *entries;
  uint32_t *sq_tail, *cq_head, *cq_tail;
  uint32_t sq_mask, cq_mask;
  const struct io_uring_cqe *completions;
};

static struct uring *uring_open(void);
static void uring_close(struct uring *u);
static bool uring_map(struct uring *u, const struct io_uring_params *p);
static void uring_write(struct uring *u, struct queue *q);
static uint32_t uring_reap(struct uring *u, struct queue *q);
static void write_each(struct queue *q, uint32_t i);
static int settle(struct queue *q);

/* The writes to one TAP that a batch begins with; NULL when there is no memory for them. */
struct queue *queue_begin(struct instance *in, const struct tap *t) {
  if (in->queue == NULL) {
    in->queue = calloc(1, sizeof *in->queue);
    if (in->queue == NULL) return NULL;
    in->queue->ring = uring_open();
  }
  struct queue *q = in->queue;
  q->fd = t->fd;
  q->count = q->parts = 0;
  /* What a full device would refuse must be known before the next frame is written. */
  q->most = q->ring != NULL && t->unlimited ? VIMAGE_QUEUE : 1;
  q->ended = 0;
  return q;
}

/*
 * The next write, whose `parts` (as many as `need` at most) the caller fills in before it asks for the one after; NULL once writing has
 * ended. `first` is the batch's record that a refused frame is, `then` where the batch would go on after a full device.
 */
struct pending *queue_next(struct queue *q, int need, int32_t first, int32_t then) {
  if ((q->count == q->most || q->parts + need > VIMAGE_QUEUE_PARTS) && queue_flush(q) != 0) return NULL;
  struct pending *p = &q->writes[q->count++];
  *p = (struct pending){ .first = first, .then = then, .parts = q->iov + q->parts };
  q->parts += need;
  return p;
}

/* Writes all that waits. Returns 0, or EAGAIN or the fatal errno that ended it: `stopped` says at which record. */
int queue_flush(struct queue *q) {
  if (q->ended != 0) return q->ended;
  if (q->count < WORTH_A_RING || q->ring == NULL) write_each(q, 0);
  else uring_write(q->ring, q);
  return settle(q);
}

/* Writes those from `i` on, one by one. */
static void write_each(struct queue *q, uint32_t i) {
  for (; i < q->count; i++) {
    struct pending *p = &q->writes[i];
    p->error = write_frame(q->fd, p->parts, p->n) < 0 ? errno : 0;
  }
}

/* Tells the batch's records what became of their frames, up to the one that ended it. */
static int settle(struct queue *q) {
  for (uint32_t i = 0; i < q->count && q->ended == 0; i++) {
    const struct pending *p = &q->writes[i];
    bool full = p->error == EAGAIN && q->most == 1;
    if (full || is_fatal(p->error)) {
      q->ended = p->error;
      q->stopped = full ? p->then : p->first;
    } else if (p->refused != NULL) *p->refused = (uint32_t)p->error;
    else if (p->error == 0) ++*p->taken;
  }
  q->count = q->parts = 0;
  return q->ended;
}

void queue_free(struct queue *q) {
  if (q == NULL) return;
  if (q->ring != NULL) uring_close(q->ring);
  free(q);
}

/* writesTogether() → frames that a write hands to the kernel in one call: 1 without a ring. */
napi_value writes_together(napi_env env, napi_callback_info info) {
  struct uring *u = uring_open();
  if (u == NULL) return make_int(env, 1);
  uring_close(u);
  return make_int(env, VIMAGE_QUEUE);
}

/*
 * Submits all writes and waits for them. The descriptor is non-blocking, so each is tried once, in order, while this thread is in the
 * kernel; a signal may end the wait but not the writes, whose parts are the caller's: so it waits on.
 */
static void uring_write(struct uring *u, struct queue *q) {
  uint32_t tail = *u->sq_tail;
  for (uint32_t i = 0; i < q->count; i++) {
    struct pending *p = &q->writes[i];
    p->error = EIO;
    u->entries[tail++ & u->sq_mask] = (struct io_uring_sqe){
      .opcode = p->n == 1 ? IORING_OP_WRITE : IORING_OP_WRITEV,
      .fd = q->fd,
      .addr = (uintptr_t)(p->n == 1 ? p->parts[0].iov_base : (void *)p->parts),
      .len = p->n == 1 ? (uint32_t)p->parts[0].iov_len : (uint32_t)p->n,
      .user_data = i,
    };
  }
  __atomic_store_n(u->sq_tail, tail, __ATOMIC_RELEASE);

  uint32_t submitted = 0, done = 0;
  while (done < q->count) {
    uint32_t left = q->count - submitted;
    long taken = syscall(__NR_io_uring_enter, u->fd, left, left + submitted - done, IORING_ENTER_GETEVENTS, NULL, 0);
    if (taken > 0) submitted += (uint32_t)taken;
    int err = taken < 0 ? errno : 0;
    done += uring_reap(u, q);
    if (err != 0 && err != EINTR && submitted == done) break;
  }
  if (done == q->count) return;
  /* The kernel takes no more of them, out of memory for one: they are written one by one, and so is what comes after. */
  write_each(q, submitted);
  uring_close(u);
  q->ring = NULL;
  q->most = 1;
}

/* Takes completions that are there; returns how many. */
static uint32_t uring_reap(struct uring *u, struct queue *q) {
  uint32_t head = *u->cq_head;
  uint32_t tail = __atomic_load_n(u->cq_tail, __ATOMIC_ACQUIRE);
  uint32_t count = tail - head;
  for (; head != tail; head++) {
    const struct io_uring_cqe *c = &u->completions[head & u->cq_mask];
    q->writes[c->user_data].error = c->res < 0 ? -c->res : 0;
  }
  __atomic_store_n(u->cq_head, head, __ATOMIC_RELEASE);
  return count;
}

static struct uring *uring_open(void) {
  const char *asked = getenv("VIMAGE_IO_URING");
  if (asked != NULL && strcmp(asked, "0") == 0) return NULL;
  /* One refused frame must not keep the others of its batch back. */
  struct io_uring_params p = { .flags = IORING_SETUP_SUBMIT_ALL };
  struct uring *u = calloc(1, sizeof *u);
  if (u == NULL) return NULL;
  u->fd = (int)syscall(__NR_io_uring_setup, VIMAGE_QUEUE, &p);
  if (u->fd >= 0 && (p.features & IORING_FEAT_SINGLE_MMAP) != 0 && uring_map(u, &p)) return u;
  uring_close(u);
  return NULL;
}

static bool uring_map(struct uring *u, const struct io_uring_params *p) {
  size_t sq_size = p->sq_off.array + p->sq_entries * sizeof(uint32_t);
  size_t cq_size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
  u->rings_size = sq_size > cq_size ? sq_size : cq_size;
  uint8_t *rings = mmap(NULL, u->rings_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQ_RING);
  if (rings == MAP_FAILED) return false;
  u->rings = rings;
  size_t size = p->sq_entries * sizeof *u->entries;
  void *entries = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, u->fd, IORING_OFF_SQES);
  if (entries == MAP_FAILED) return false;
  u->entries = entries;
  u->sq_tail = (uint32_t *)(rings + p->sq_off.tail);
  u->sq_mask = *(uint32_t *)(rings + p->sq_off.ring_mask);
  u->cq_head = (uint32_t *)(rings + p->cq_off.head);
  u->cq_tail = (uint32_t *)(rings + p->cq_off.tail);
  u->cq_mask = *(uint32_t *)(rings + p->cq_off.ring_mask);
  u->completions = (const struct io_uring_cqe *)(rings + p->cq_off.cqes);
  uint32_t *array = (uint32_t *)(rings + p->sq_off.array);
  for (uint32_t i = 0; i < p->sq_entries; i++) array[i] = i;
  return true;
}

static void uring_close(struct uring *u) {
  if (u->entries != NULL) munmap(u->entries, (u->sq_mask + 1) * sizeof *u->entries);
  if (u->rings != NULL) munmap(u->rings, u->rings_size);
  if (u->fd >= 0) close(u->fd);
  free(u);
}
