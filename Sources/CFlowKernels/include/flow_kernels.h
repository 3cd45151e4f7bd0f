/* The text of the kernel headers, so that generated C can carry them along. */
#ifndef FLOW_KERNELS_H
#define FLOW_KERNELS_H

/* The text of all kernel headers in the order in which they include each other. */
const char *fk_embedded_header(int index);
/* How many there are. */
int fk_embedded_header_count(void);
#endif
