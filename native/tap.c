/*
 * TAP descriptors (Linux Documentation/networking/tuntap.rst): open or create by name, attach one opened elsewhere,
 * carrier, persistence, offloads, close.
 */
#include "vimage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TUN_PATH "/dev/net/tun"
#define VNET_HDR_LEN 10
#define INDEX_BITS 10
#define GENERATION_MASK 0xfffff

/* Bits of tapOpen's second argument; src/host/native.ts has the same. */
#define OPEN_VNET_HDR 1
#define OPEN_ATTACH_ONLY 2
#define OPEN_CREATE_ONLY 4
#define OPEN_NAPI 8

static napi_value describe(napi_env env, int32_t handle, int fd);
static int32_t adopt(struct instance *in, int fd);
static void note_limit(struct tap *t);
static const char *enable_offload(int fd);

/*
 * tapOpen(name, flags) → { handle, fd, name, flags }. The interface is made when no such name exists and then lives
 * as long as the descriptor; an existing persistent one is attached.
 */
napi_value tap_open(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  struct ifreq ifr = { 0 };
  int32_t flags;
  if (!get_args(env, info, 2, argv)) return NULL;
  if (!get_ifname(env, argv[0], ifr.ifr_name) || !get_int(env, argv[1], &flags)) return NULL;

  char asked[IFNAMSIZ];
  memcpy(asked, ifr.ifr_name, IFNAMSIZ);
  bool attach = (flags & OPEN_ATTACH_ONLY) != 0;
  if (attach && if_nametoindex(asked) == 0) return throw_errno(env, ENODEV, "tapOpen", asked);

  int fd = open(TUN_PATH, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return throw_errno(env, errno, "open", TUN_PATH);

  ifr.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (flags & OPEN_VNET_HDR) ifr.ifr_flags |= IFF_VNET_HDR;
  if (flags & OPEN_NAPI) ifr.ifr_flags |= IFF_NAPI;
  if (flags & OPEN_CREATE_ONLY) ifr.ifr_flags |= IFF_TUN_EXCL;
  const char *failed = NULL;
  if (ioctl(fd, TUNSETIFF, &ifr) < 0) failed = "TUNSETIFF";
  else if (flags & OPEN_VNET_HDR) failed = enable_offload(fd);
  if (failed != NULL) {
    int err = errno;
    close(fd);
    return throw_errno(env, err, failed, asked);
  }

  struct instance *in = instance_of(env);
  int32_t handle = adopt(in, fd);
  if (handle < 0) {
    close(fd);
    return throw_errno(env, EMFILE, "tapOpen", asked);
  }
  napi_value result = describe(env, handle, fd);
  if (result == NULL) tap_release(in, tap_find(in, handle));
  return result;
}

/* tapAttachFd(fd) → as tapOpen. Takes the descriptor over: tapClose closes it. It must be a TAP with IFF_NO_PI. */
napi_value tap_attach_fd(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int32_t fd;
  struct ifreq ifr = { 0 };
  if (!get_args(env, info, 1, argv) || !get_int(env, argv[0], &fd)) return NULL;
  if (ioctl(fd, TUNGETIFF, &ifr) < 0) return throw_errno(env, errno, "TUNGETIFF", NULL);
  if ((ifr.ifr_flags & (IFF_TAP | IFF_NO_PI)) != (IFF_TAP | IFF_NO_PI)) {
    return throw_errno(env, EPROTOTYPE, "TUNGETIFF", ifr.ifr_name);
  }
  int status = fcntl(fd, F_GETFL);
  if (status < 0 || fcntl(fd, F_SETFL, status | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
    return throw_errno(env, errno, "fcntl", ifr.ifr_name);
  }
  struct instance *in = instance_of(env);
  for (int i = 0; i < VIMAGE_MAX_TAPS; i++) {
    if (in->taps[i].fd == fd) return throw_errno(env, EEXIST, "tapAttachFd", ifr.ifr_name);
  }
  int32_t handle = adopt(in, fd);
  return handle < 0 ? throw_errno(env, EMFILE, "tapAttachFd", ifr.ifr_name) : describe(env, handle, fd);
}

/* tapInfo(handle) → { handle, fd, name, flags } as the kernel has it now (the interface may have been renamed). */
napi_value tap_info(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int32_t handle;
  if (!get_args(env, info, 1, argv) || !get_int(env, argv[0], &handle)) return NULL;
  struct tap *t = tap_arg(env, argv[0]);
  return t == NULL ? NULL : describe(env, handle, t->fd);
}

/* tapSet(handle, what, value): 0 carrier, 1 persist, 2 owner (uid), 3 queueing limit of writes in bytes. */
napi_value tap_set(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  int32_t what, value;
  if (!get_args(env, info, 3, argv)) return NULL;
  struct tap *t = tap_arg(env, argv[0]);
  if (t == NULL || !get_int(env, argv[1], &what) || !get_int(env, argv[2], &value)) return NULL;
  int done = -1;
  const char *name = "tapSet";
  errno = EINVAL;
  if (what == 0) name = "TUNSETCARRIER", done = ioctl(t->fd, TUNSETCARRIER, &value);
  if (what == 1) name = "TUNSETPERSIST", done = ioctl(t->fd, TUNSETPERSIST, value);
  if (what == 2) name = "TUNSETOWNER", done = ioctl(t->fd, TUNSETOWNER, value);
  if (what == 3) name = "TUNSETSNDBUF", done = ioctl(t->fd, TUNSETSNDBUF, &value);
  note_limit(t);
  return done < 0 ? throw_errno(env, errno, name, NULL) : NULL;
}

/* tapClose(handle): stops polling and closes; a handle closed before is ignored. */
napi_value tap_close(napi_env env, napi_callback_info info) {
  napi_value argv[1];
  int32_t handle;
  if (!get_args(env, info, 1, argv) || !get_int(env, argv[0], &handle)) return NULL;
  struct instance *in = instance_of(env);
  struct tap *t = tap_find(in, handle);
  if (t != NULL) tap_release(in, t);
  return NULL;
}

void tap_release(struct instance *in, struct tap *t) {
  if (t->fd < 0) return;
  /* libuv must forget the descriptor before the number can be given to another file. */
  if (t->poll != NULL) poll_close(t->poll);
  close(t->fd);
  t->fd = -1;
}

struct tap *tap_find(struct instance *in, int32_t handle) {
  struct tap *t = &in->taps[handle & (VIMAGE_MAX_TAPS - 1)];
  bool current = handle >= 0 && t->fd >= 0 && t->generation == (uint32_t)handle >> INDEX_BITS;
  return current ? t : NULL;
}

struct tap *tap_arg(napi_env env, napi_value v) {
  int32_t handle;
  if (!get_int(env, v, &handle)) return NULL;
  struct tap *t = tap_find(instance_of(env), handle);
  if (t == NULL) throw_errno(env, EBADF, "tap", NULL);
  return t;
}

static int32_t adopt(struct instance *in, int fd) {
  for (int32_t i = 0; i < VIMAGE_MAX_TAPS; i++) {
    struct tap *t = &in->taps[i];
    if (t->fd >= 0) continue;
    t->fd = fd;
    t->generation = (t->generation + 1) & GENERATION_MASK;
    t->poll = NULL;
    note_limit(t);
    return (int32_t)(t->generation << INDEX_BITS) | i;
  }
  return -1;
}

static void note_limit(struct tap *t) {
  int limit = 0;
  t->unlimited = ioctl(t->fd, TUNGETSNDBUF, &limit) == 0 && limit == INT_MAX;
}

static napi_value describe(napi_env env, int32_t handle, int fd) {
  struct ifreq ifr = { 0 };
  if (ioctl(fd, TUNGETIFF, &ifr) < 0) return throw_errno(env, errno, "TUNGETIFF", NULL);
  napi_value result;
  if (napi_create_object(env, &result) != napi_ok) return NULL;
  set_named(env, result, "handle", make_int(env, handle));
  set_named(env, result, "fd", make_int(env, fd));
  set_named(env, result, "name", make_string(env, ifr.ifr_name));
  set_named(env, result, "flags", make_int(env, (uint16_t)ifr.ifr_flags));
  return result;
}

/* Linux 6.2; older headers do not name them. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/*
 * Little-endian 10-octet virtio headers on every machine; segmentation of TCP, of UDP where the kernel has it, and checksums are left to
 * the other side.
 */
static const char *enable_offload(int fd) {
  int length = VNET_HDR_LEN;
  int little = 1;
  if (ioctl(fd, TUNSETVNETHDRSZ, &length) < 0) return "TUNSETVNETHDRSZ";
  if (ioctl(fd, TUNSETVNETLE, &little) < 0) return "TUNSETVNETLE";
  unsigned long tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
  if (ioctl(fd, TUNSETOFFLOAD, tcp | TUN_F_USO4 | TUN_F_USO6) < 0 && ioctl(fd, TUNSETOFFLOAD, tcp) < 0) return "TUNSETOFFLOAD";
  return NULL;
}
