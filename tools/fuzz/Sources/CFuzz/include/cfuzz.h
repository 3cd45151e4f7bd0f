/* Heap memory as the address sanitizer sees it, and a file in memory. */
#ifndef CFUZZ_H
#define CFUZZ_H
#include <stdint.h>

/* Starts counting; gives 0 if there is no sanitizer to count with. */
int cfuzz_watch_memory(void);

/* Ends the process with a message if more than `limit` bytes are allocated from now on. */
void cfuzz_begin(int64_t limit);

/* The most that was allocated at once since cfuzz_begin. */
int64_t cfuzz_end(void);

/* An unnamed file; its name for `open` is /proc/self/fd/N, with N the result. */
int cfuzz_file(void);

/* Fills the file; 0 if that worked. */
int cfuzz_fill(int file, const void *bytes, int64_t count);
#endif
