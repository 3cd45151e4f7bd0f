#include "CReportPage.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const char head[] = {
#embed "page/start.html"
    ,
#embed "page/report.css"
    ,
#embed "page/body.html"
    , 0};

static const char foot[] = {
#embed "page/scripts.html"
    ,
#embed "page/data.js"
    ,
#embed "page/tree.js"
    ,
#embed "page/text.js"
    ,
#embed "page/pictures.js"
    ,
#embed "page/costs.js"
    ,
#embed "page/main.js"
    ,
#embed "page/end.html"
    , 0};

const char *fr_page_head(void) { return head; }
const char *fr_page_foot(void) { return foot; }
