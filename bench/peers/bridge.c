/*
 * The least that a bridge of two TAPs can be: what is read from one is written to the other, both ways, until its input ends.
 *
 *   bridge LEFT RIGHT      makes both TAPs, says "ready"
 */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BATCH 64

static int tap(const char *name) {
  struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
  strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) perror(name);
  return fd;
}

int main(int argc, char **argv) {
  static char frame[65536];
  if (argc != 3) return 2;
  struct pollfd fds[3] = { { tap(argv[1]), POLLIN, 0 }, { tap(argv[2]), POLLIN, 0 }, { 0, POLLIN, 0 } };
  if (fds[0].fd < 0 || fds[1].fd < 0) return 1;
  puts("ready");
  fflush(stdout);
  while (poll(fds, 3, -1) >= 0 && fds[2].revents == 0) {
    for (int from = 0; from < 2; from++) {
      for (int n = 0; fds[from].revents != 0 && n < BATCH; n++) {
        ssize_t length = read(fds[from].fd, frame, sizeof frame);
        if (length <= 0) break;
        if (write(fds[1 - from].fd, frame, (size_t)length) < 0) continue;
      }
    }
  }
  return 0;
}
