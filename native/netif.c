/*
 * The kernel's side of an interface, by name, through the classic ioctls (netdevice(7)) on a datagram socket of the
 * calling thread's network namespace: MTU, flags, queue length, hardware address, IPv4 address.
 */
#include "vimage.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* Numbers of `what`; src/host/native.ts has the same. */
#define WHAT_INDEX 0
#define WHAT_MTU 1
#define WHAT_FLAGS 2
#define WHAT_TXQUEUELEN 3
#define WHAT_UP 4

static int netif_ioctl(unsigned long request, struct ifreq *ifr);

/* netifGet(name, what) → integer: 0 index, 1 MTU, 2 flags (IFF_*), 3 transmit queue length. */
napi_value netif_get(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  struct ifreq ifr = { 0 };
  int32_t what;
  if (!get_args(env, info, 2, argv)) return NULL;
  if (!get_ifname(env, argv[0], ifr.ifr_name) || !get_int(env, argv[1], &what)) return NULL;
  switch (what) {
    case WHAT_INDEX:
      if (netif_ioctl(SIOCGIFINDEX, &ifr) < 0) return throw_errno(env, errno, "SIOCGIFINDEX", ifr.ifr_name);
      return make_int(env, ifr.ifr_ifindex);
    case WHAT_MTU:
      if (netif_ioctl(SIOCGIFMTU, &ifr) < 0) return throw_errno(env, errno, "SIOCGIFMTU", ifr.ifr_name);
      return make_int(env, ifr.ifr_mtu);
    case WHAT_FLAGS:
      if (netif_ioctl(SIOCGIFFLAGS, &ifr) < 0) return throw_errno(env, errno, "SIOCGIFFLAGS", ifr.ifr_name);
      return make_int(env, (uint16_t)ifr.ifr_flags);
    case WHAT_TXQUEUELEN:
      if (netif_ioctl(SIOCGIFTXQLEN, &ifr) < 0) return throw_errno(env, errno, "SIOCGIFTXQLEN", ifr.ifr_name);
      return make_int(env, ifr.ifr_qlen);
    default:
      return throw_errno(env, EINVAL, "netifGet", ifr.ifr_name);
  }
}

/* netifSet(name, what, value): 1 MTU, 3 transmit queue length, 4 up (1) or down (0). */
napi_value netif_set(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  struct ifreq ifr = { 0 };
  int32_t what, value;
  if (!get_args(env, info, 3, argv)) return NULL;
  if (!get_ifname(env, argv[0], ifr.ifr_name)) return NULL;
  if (!get_int(env, argv[1], &what) || !get_int(env, argv[2], &value)) return NULL;
  switch (what) {
    case WHAT_MTU:
      ifr.ifr_mtu = value;
      return netif_ioctl(SIOCSIFMTU, &ifr) < 0 ? throw_errno(env, errno, "SIOCSIFMTU", ifr.ifr_name) : NULL;
    case WHAT_TXQUEUELEN:
      ifr.ifr_qlen = value;
      return netif_ioctl(SIOCSIFTXQLEN, &ifr) < 0 ? throw_errno(env, errno, "SIOCSIFTXQLEN", ifr.ifr_name) : NULL;
    case WHAT_UP:
      if (netif_ioctl(SIOCGIFFLAGS, &ifr) < 0) return throw_errno(env, errno, "SIOCGIFFLAGS", ifr.ifr_name);
      if (value) ifr.ifr_flags |= IFF_UP;
      else ifr.ifr_flags &= ~IFF_UP;
      return netif_ioctl(SIOCSIFFLAGS, &ifr) < 0 ? throw_errno(env, errno, "SIOCSIFFLAGS", ifr.ifr_name) : NULL;
    default:
      return throw_errno(env, EINVAL, "netifSet", ifr.ifr_name);
  }
}

/* netifGetMac(name) → the 48-bit hardware address as an integer, first octet most significant. */
napi_value netif_get_mac(napi_env env, napi_callback_info info) {
  napi_value argv[1], result = NULL;
  struct ifreq ifr = { 0 };
  if (!get_args(env, info, 1, argv) || !get_ifname(env, argv[0], ifr.ifr_name)) return NULL;
  if (netif_ioctl(SIOCGIFHWADDR, &ifr) < 0) return throw_errno(env, errno, "SIOCGIFHWADDR", ifr.ifr_name);
  int64_t mac = 0;
  for (int i = 0; i < 6; i++) mac = mac << 8 | (uint8_t)ifr.ifr_hwaddr.sa_data[i];
  napi_create_int64(env, mac, &result);
  return result;
}

/* netifSetMac(name, mac): sets the hardware address of the kernel's end. */
napi_value netif_set_mac(napi_env env, napi_callback_info info) {
  napi_value argv[2];
  struct ifreq ifr = { 0 };
  int64_t mac;
  if (!get_args(env, info, 2, argv) || !get_ifname(env, argv[0], ifr.ifr_name)) return NULL;
  if (napi_get_value_int64(env, argv[1], &mac) != napi_ok) return throw_type(env, "a hardware address was expected");
  ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  for (int i = 0; i < 6; i++) ifr.ifr_hwaddr.sa_data[i] = (char)(mac >> (40 - 8 * i));
  return netif_ioctl(SIOCSIFHWADDR, &ifr) < 0 ? throw_errno(env, errno, "SIOCSIFHWADDR", ifr.ifr_name) : NULL;
}

/* netifSetAddress(name, ip, mask): the kernel's own primary IPv4 address there, both as signed 32-bit integers. */
napi_value netif_set_address(napi_env env, napi_callback_info info) {
  napi_value argv[3];
  struct ifreq ifr = { 0 };
  int32_t ip, mask;
  if (!get_args(env, info, 3, argv) || !get_ifname(env, argv[0], ifr.ifr_name)) return NULL;
  if (!get_int(env, argv[1], &ip) || !get_int(env, argv[2], &mask)) return NULL;
  struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl((uint32_t)ip) };
  memcpy(&ifr.ifr_addr, &in, sizeof in);
  if (netif_ioctl(SIOCSIFADDR, &ifr) < 0) return throw_errno(env, errno, "SIOCSIFADDR", ifr.ifr_name);
  in.sin_addr.s_addr = htonl((uint32_t)mask);
  memcpy(&ifr.ifr_netmask, &in, sizeof in);
  return netif_ioctl(SIOCSIFNETMASK, &ifr) < 0 ? throw_errno(env, errno, "SIOCSIFNETMASK", ifr.ifr_name) : NULL;
}

static int netif_ioctl(unsigned long request, struct ifreq *ifr) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  int result = ioctl(fd, request, ifr);
  int err = errno;
  close(fd);
  errno = err;
  return result;
}
