#ifndef CREPORTPAGE_H
#define CREPORTPAGE_H

/* The page of a report in two parts, with the data, as JSON, in between. */
const char *fr_page_head(void);
const char *fr_page_foot(void);

#endif
