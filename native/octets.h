/* Big-endian fields, and the Internet checksum (RFC 1071), for the files that look into frames. */
#ifndef VIMAGE_OCTETS_H
#define VIMAGE_OCTETS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t get16(const uint8_t *p) {
  return (uint32_t)p[0] << 8 | p[1];
}

static inline uint32_t get32(const uint8_t *p) {
  return get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, uint32_t value) {
  p[0] = (uint8_t)(value >> 8);
  p[1] = (uint8_t)value;
}

static inline void put32(uint8_t *p, uint32_t value) {
  put16(p, value >> 16);
  put16(p + 2, value);
}

/* A running sum of words as the machine has them: the fold comes out in the same order (RFC 1071 §2 (B)). */
static inline uint64_t sum(uint64_t total, const uint8_t *at, size_t length) {
  size_t words = length / 8;
  for (size_t i = 0; i < words; i++) {
    uint64_t word;
    memcpy(&word, at + 8 * i, 8);
    total += (word & 0xffffffff) + (word >> 32);
  }
  uint64_t rest = 0;
  memcpy(&rest, at + 8 * words, length & 7);
  return total + (rest & 0xffffffff) + (rest >> 32);
}

static inline uint16_t fold(uint64_t total) {
  while (total > 0xffff) total = (total >> 16) + (total & 0xffff);
  return (uint16_t)~total;
}

#endif
