/*
 * Batched reads and writes: one crossing into native code for many frames.
 *
 * JavaScript registers its typed arrays once and names them by small integers afterwards. A batch is described by
 * records of four words in a registered Uint32Array: [array, offset, length, result]. Frames are read into, and
 * gathered from, the registered Uint8Arrays; nothing is allocated here.
 */
#include "vimage.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define RECORD_WORDS 4
#define MAX_PARTS 64
/* In the result of a read: the frame outgrew its small slot and lies in the next large one. Above any length. */
#define RESULT_LARGE 0x1000000
/*
 * In the result of a read: several frames were put together (merge.c). The other words of the record then are: number of the room that
 * they lie in | frames << 8, offset of the TCP header, payload of a segment.
 */
#define RESULT_MERGED 0x2000000
/* In the result of a read with rooms: the checksums of IP and TCP were verified. */
#define RESULT_SUMMED 0x4000000
/* A frame of 65,535 octets of IP packet with a VLAN tag. */
#define RUN_ROOM 65553
/* In the result word before a write: the frame goes on in the next record. Above any errno. */
#define PART_MORE 0x10000
/*
 * In the result word before a write: a super-segment, to be cut. The next record says how: [payload of a segment,
 * l3 | l4 << 16, length of the headers], and its result is how many segments the kernel took. PART_CUT + n: the headers
 * are all of it, and the payload is in the n records behind that, VIMAGE_CUT_PARTS at most.
 */
#define PART_CUT 0x20000

struct record { uint32_t array, offset, length, result; };

/* Arrays that a write names by their place in its list, from VIMAGE_LENT_BASE on; the last one looked at. */
struct lent {
  napi_env env;
  napi_value list;
  uint32_t index;
  uint8_t *data;
  size_t length;
};

/* What a read puts together: the run that grows now, the record of its first frame, rooms and how many are taken. */
struct merger {
  struct run run;
  struct record *first;
  uint8_t *rooms[VIMAGE_MERGE_ROOMS];
  int32_t count, used;
};

static bool batch_args(napi_env env, napi_callback_info info, struct tap **t, struct record **first, int32_t counts[3]);
static bool merger_rooms(struct instance *in, struct merger *m, const struct record *rooms, int32_t count);
static bool merger_takes(struct merger *m, struct record *r, uint8_t *frame, uint32_t length);
static void merger_end(struct merger *m);
static uint8_t *record_bytes(struct instance *in, const struct record *r);
static uint8_t *part_bytes(struct instance *in, struct lent *l, const struct record *r);
static uint8_t *lent_bytes(struct lent *l, const struct record *r);
static ssize_t read_frame(int fd, uint8_t *head, size_t head_length, uint8_t *large, size_t large_length);
static int32_t queue_frame(
  struct instance *in, struct lent *l, struct queue *q, struct record *r, int32_t at, int32_t count, int *err
);
static int32_t queue_cut(
  struct instance *in, struct lent *l, struct queue *q, struct record *r, int32_t at, int32_t count, int *err
);
static bool describe_cut(struct instance *in, struct lent *l, const struct record *r, int32_t count, struct cut *c);

/*
 * readBatch(handle, records, small, large, rooms) → frames read, or -errno when the first read failed (0 for EAGAIN).
 *
 * Frame i is read into record i < small; what does not fit there continues in the next unused of the `large` records
 * that follow, is joined up in that large slot, and is marked RESULT_LARGE. Its small slot is then free again. The
 * batch ends early when the large ones are used up. A frame that fills all the room there is may have been cut: it is
 * dropped and leaves result 0, so slots must be an octet longer than the longest frame.
 *
 * With `rooms`, as many records behind those, TCP segments that follow each other are put together in them, and count as one frame in the
 * record of the first, which is marked RESULT_MERGED.
 */
napi_value batch_read(napi_env env, napi_callback_info info) {
  struct instance *in = instance_of(env);
  struct tap *t;
  struct record *small;
  int32_t counts[3];
  if (!batch_args(env, info, &t, &small, counts)) return NULL;
  struct record *large = small + counts[0];
  int32_t frames = 0, spilled = 0;
  struct merger m = { .run = { .open = false } };
  if (!merger_rooms(in, &m, large + counts[1], counts[2])) return throw_errno(env, EFAULT, "readBatch", NULL);

  while (frames < counts[0] && (counts[1] == 0 || spilled < counts[1])) {
    /* Copies: what was checked must still hold after the read, even if a caller registered the records as a target. */
    struct record s = small[frames];
    struct record l = { .length = 0 };
    if (counts[1] != 0) l = large[spilled];
    uint8_t *head = record_bytes(in, &s);
    uint8_t *rest = l.length == 0 ? head : record_bytes(in, &l);
    if (head == NULL || rest == NULL || (counts[1] != 0 && l.length <= s.length)) {
      return throw_errno(env, EFAULT, "readBatch", NULL);
    }
    ssize_t got = read_frame(t->fd, head, s.length, rest, l.length);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (frames == 0 && errno != EAGAIN) frames = -errno;
      break;
    }
    uint32_t length = (uint32_t)got;
    bool cut = length == (l.length == 0 ? s.length : l.length);
    small[frames].result = cut ? 0 : length;
    if (!cut && length > s.length) {
      memcpy(rest, head, s.length);
      small[frames].result |= RESULT_LARGE;
      spilled++;
    } else if (!cut && m.count > 0 && merger_takes(&m, small + frames, head, length)) continue;
    frames++;
  }
  merger_end(&m);
  return make_int(env, frames);
}

/*
 * writeBatch(handle, records, from, count, lent) → records dealt with; fewer than count after EAGAIN; -errno when the
 * device is gone. A frame is a run of records, all but the last marked PART_MORE; afterwards the last one's result is 0
 * when the kernel took the frame, else the errno with which it refused that one frame.
 *
 * Array VIMAGE_LENT_BASE + i is element i of `lent`, a plain array of Uint8Arrays, which is good for this call only: send
 * buffers come and go, and registering each would cost more than it saves.
 */
napi_value batch_write(napi_env env, napi_callback_info info) {
  struct instance *in = instance_of(env);
  struct tap *t;
  struct record *first;
  int32_t counts[3];
  if (!batch_args(env, info, &t, &first, counts)) return NULL;
  struct record *r = first + counts[0];
  int32_t done = 0;
  napi_value argv[5];
  size_t given = 5;
  struct lent lent = { .env = env, .index = UINT32_MAX };
  bool listed = false;
  if (napi_get_cb_info(env, info, &given, argv, NULL, NULL) != napi_ok) return NULL;
  if (given > 4 && napi_is_array(env, argv[4], &listed) == napi_ok && listed) lent.list = argv[4];
  struct queue *q = queue_begin(in, t);
  if (q == NULL) return throw_errno(env, ENOMEM, "writeBatch", NULL);

  while (done < counts[1] && q->ended == 0) {
    int err = 0;
    int32_t used = r[done].result >= PART_CUT ? queue_cut(in, &lent, q, r, done, counts[1], &err)
      : queue_frame(in, &lent, q, r, done, counts[1], &err);
    if (err != 0) {
      /* What came before the record that is wrong is written still. */
      queue_flush(q);
      return throw_errno(env, err, "writeBatch", NULL);
    }
    done += used;
  }
  if (queue_flush(q) != 0) done = q->stopped;
  return make_int(env, is_fatal(q->ended) && done == 0 ? -q->ended : done);
}

/* Queues the frame that begins with record `at` of `count`; returns how many records it is, sets *err when they are wrong. */
static int32_t queue_frame(
  struct instance *in, struct lent *l, struct queue *q, struct record *r, int32_t at, int32_t count, int *err
) {
  int32_t n = 1;
  while (at + n < count && n < MAX_PARTS && r[at + n - 1].result == PART_MORE) n++;
  if (r[at + n - 1].result == PART_MORE) *err = EMSGSIZE;
  struct pending *p = *err != 0 ? NULL : queue_next(q, n, at, at);
  if (p == NULL) return 0;
  p->refused = &r[at + n - 1].result;
  for (; p->n < n; p->n++) {
    struct record part = r[at + p->n];
    p->parts[p->n].iov_base = part_bytes(in, l, &part);
    p->parts[p->n].iov_len = part.length;
    if (p->parts[p->n].iov_base == NULL) *err = EFAULT;
  }
  if (*err != 0) q->count--;
  return n;
}

/* As queue_frame, for a super-segment. */
static int32_t queue_cut(
  struct instance *in, struct lent *l, struct queue *q, struct record *r, int32_t at, int32_t count, int *err
) {
  struct cut c;
  int32_t used = 2 + (int32_t)(r[at].result - PART_CUT);
  if (!describe_cut(in, l, r + at, count - at, &c)) {
    *err = EFAULT;
    return 0;
  }
  r[at + 1].result = 0;
  cut_write(q, &c, at, at + used, &r[at + 1].result);
  return used;
}

/* What does not fit `head` goes to its own place in `large`. One buffer is read plainly (`bench:peers`, rxPlainGbps: 4.43 -> 4.64). */
static ssize_t read_frame(int fd, uint8_t *head, size_t head_length, uint8_t *large, size_t large_length) {
  if (large_length == 0) return read(fd, head, head_length);
  struct iovec parts[2] = {
    { .iov_base = head, .iov_len = head_length },
    { .iov_base = large + head_length, .iov_len = large_length - head_length },
  };
  return readv(fd, parts, 2);
}

ssize_t write_frame(int fd, const struct iovec *parts, int n) {
  ssize_t sent;
  do sent = n == 1 ? write(fd, parts[0].iov_base, parts[0].iov_len) : writev(fd, parts, n);
  while (sent < 0 && errno == EINTR);
  return sent;
}

/* The interface was removed under us: no later frame can do better. */
bool is_fatal(int err) {
  return err == EBADFD || err == ENODEV || err == EBADF;
}

/* The super-segment of record r, with what the others of the `count` say of it; false where that does not fit together. */
static bool describe_cut(struct instance *in, struct lent *l, const struct record *r, int32_t count, struct cut *c) {
  if (count < 2) return false;
  struct record whole = r[0], how = r[1];
  uint32_t lends = whole.result - PART_CUT;
  c->frame = record_bytes(in, &whole);
  c->size = how.array;
  c->l3 = how.offset & 0xffff;
  c->l4 = how.offset >> 16;
  c->headers = how.length;
  if (c->frame == NULL || c->headers > whole.length || lends > VIMAGE_CUT_PARTS || (int32_t)lends > count - 2) return false;
  if (lends > 0 && c->headers != whole.length) return false;
  memset(c->payload, 0, sizeof c->payload);
  c->payload[0].iov_base = (void *)(c->frame + c->headers);
  c->payload[0].iov_len = whole.length - c->headers;
  for (uint32_t i = 0; i < lends; i++) {
    struct record part = r[2 + i];
    c->payload[i].iov_base = part_bytes(in, l, &part);
    c->payload[i].iov_len = part.length;
    if (c->payload[i].iov_base == NULL) return false;
  }
  return cut_is_sound(c);
}

/* The rooms that the records describe; false where one is too small. */
static bool merger_rooms(struct instance *in, struct merger *m, const struct record *rooms, int32_t count) {
  if (count > VIMAGE_MERGE_ROOMS) return false;
  for (; m->count < count; m->count++) {
    struct record r = rooms[m->count];
    m->rooms[m->count] = record_bytes(in, &r);
    if (m->rooms[m->count] == NULL || r.length < RUN_ROOM) return false;
  }
  return true;
}

/* True when the frame of record r went into the run that is under way: its slot is free again. Else it may begin another. */
static bool merger_takes(struct merger *m, struct record *r, uint8_t *frame, uint32_t length) {
  struct segment s;
  bool plain = segment_read(frame, length, &s);
  bool room = m->used < m->count;
  if (plain && (room || m->run.frames > 1) && run_continues(&m->run, frame, &s)) {
    if (m->run.frames == 1) run_move(&m->run, m->rooms[m->used++]);
    run_append(&m->run, frame, &s);
    return true;
  }
  merger_end(m);
  if (plain) r->result |= RESULT_SUMMED;
  if (plain && room) {
    run_begin(&m->run, frame, &s);
    m->first = r;
  }
  return false;
}

static void merger_end(struct merger *m) {
  struct run *run = &m->run;
  if (run->frames > 1) {
    run_finish(run);
    m->first->array = (uint32_t)(m->used - 1) | run->frames << 8;
    m->first->offset = run->first.l4;
    m->first->length = run->first.payload;
    m->first->result = run->length | RESULT_MERGED;
  }
  run->open = false;
  run->frames = 0;
}

/*
 * (handle, records, a, b[, c]): the record array must hold `a + b + c` records. The counts are checked here once, so the loops
 * above index freely.
 */
static bool batch_args(
  napi_env env, napi_callback_info info, struct tap **t, struct record **first, int32_t counts[3]
) {
  napi_value argv[5];
  size_t given = 5;
  int32_t id;
  napi_valuetype type = napi_undefined;
  struct instance *in = instance_of(env);
  if (!get_args(env, info, 4, argv)) return false;
  if (napi_get_cb_info(env, info, &given, argv, NULL, NULL) != napi_ok) return false;
  if ((*t = tap_arg(env, argv[0])) == NULL || !get_int(env, argv[1], &id)) return false;
  if (!get_int(env, argv[2], &counts[0]) || !get_int(env, argv[3], &counts[1])) return false;
  counts[2] = 0;
  if (given > 4) napi_typeof(env, argv[4], &type);
  if (type == napi_number && !get_int(env, argv[4], &counts[2])) return false;
  in->batch++;
  struct array *a = array_current(in, (uint32_t)id);
  uint64_t records = (uint64_t)(uint32_t)counts[0] + (uint32_t)counts[1] + (uint32_t)counts[2];
  bool counted = counts[0] >= 0 && counts[1] >= 0 && counts[2] >= 0;
  if (!counted || a == NULL || records * RECORD_WORDS * 4 > a->length || ((uintptr_t)a->data & 3) != 0) {
    throw_errno(env, EFAULT, "batch records", NULL);
    return false;
  }
  *first = (struct record *)a->data;
  return true;
}

/* The record's bytes, or NULL when they are not wholly inside a registered array. */
static uint8_t *record_bytes(struct instance *in, const struct record *r) {
  struct array *a = array_current(in, r->array);
  if (a == NULL || (uint64_t)r->offset + r->length > a->length) return NULL;
  return a->data + r->offset;
}

/* As record_bytes, of a write: registered, or of the call's own list. */
static uint8_t *part_bytes(struct instance *in, struct lent *l, const struct record *r) {
  return r->array < VIMAGE_LENT_BASE ? record_bytes(in, r) : lent_bytes(l, r);
}

/* As record_bytes, for an array of the call's own list. */
static uint8_t *lent_bytes(struct lent *l, const struct record *r) {
  uint32_t index = r->array - VIMAGE_LENT_BASE;
  if (index != l->index) {
    napi_value value;
    napi_typedarray_type type;
    void *data = NULL;
    l->index = UINT32_MAX;
    if (l->list == NULL || napi_get_element(l->env, l->list, index, &value) != napi_ok) return NULL;
    if (napi_get_typedarray_info(l->env, value, &type, &l->length, &data, NULL, NULL) != napi_ok) return NULL;
    if (type != napi_uint8_array || data == NULL) return NULL;
    l->data = data;
    l->index = index;
  }
  return (uint64_t)r->offset + r->length > l->length ? NULL : l->data + r->offset;
}
