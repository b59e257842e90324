// The whole test framework of the native tests: count what holds, print what does not, end with a summary line.
#pragma once

#include <stdio.h>

namespace {

int passedCount = 0;
int failedCount = 0;

inline bool check(bool holds, const char* what) {
  if (holds) {
    passedCount++;
  } else {
    failedCount++;
    printf("FAILED %s\n", what);
  }
  return holds;
}

inline int finish() {
  printf("%d passed, %d failed\n", passedCount, failedCount);
  return failedCount == 0 ? 0 : 1;
}

}  // namespace
