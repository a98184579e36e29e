#pragma once

#include <cstdio>
#include <cstdlib>

/// A programmer's error, checked in every build: says where, and ends the process. Never for input, disk or network.
#define LB_ASSERT(condition)                                                                        \
  do {                                                                                              \
    if (!(condition)) [[unlikely]] {                                                                \
      (void)std::fprintf(stderr, "assertion failed: %s (%s:%d)\n", #condition, __FILE__, __LINE__); \
      std::abort();                                                                                 \
    }                                                                                               \
  } while (false)
