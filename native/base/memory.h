// What the operating system is told about large blocks of memory.
#pragma once

#include <stddef.h>

namespace ocellus {

// Asks for huge pages in the part of [data, data + bytes) that can consist of them, before it is first touched: faults
// and address translation cost much less. Does nothing where that is not known (only Linux is), and tells no failure:
// the memory is as good as before.
void adviseHugePages(void* data, size_t bytes);

}  // namespace ocellus
