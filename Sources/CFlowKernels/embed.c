#include "flow_kernels.h"

#pragma clang diagnostic ignored "-Wc23-extensions"

static const char base[] = {
#embed "include/fk_base.h"
    , 0};
static const char vector[] = {
#embed "include/fk_vector.h"
    , 0};
static const char math[] = {
#embed "include/fk_math.h"
    , 0};
static const char random_[] = {
#embed "include/fk_random.h"
    , 0};
static const char tile[] = {
#embed "include/fk_tile.h"
    , 0};
static const char pack[] = {
#embed "include/fk_pack.h"
    , 0};
static const char gemm[] = {
#embed "include/fk_gemm.h"
    , 0};
static const char row[] = {
#embed "include/fk_row.h"
    , 0};
static const char weight_gradient[] = {
#embed "include/fk_weight_gradient.h"
    , 0};

static const char ode[] = {
#embed "include/fk_ode.h"
    , 0};
static const char ode_record[] = {
#embed "include/fk_ode_record.h"
    , 0};
static const char linear_algebra[] = {
#embed "include/fk_linear_algebra.h"
    , 0};
static const char root[] = {
#embed "include/fk_root.h"
    , 0};
static const char inverse[] = {
#embed "include/fk_inverse.h"
    , 0};
static const char driver[] = {
#embed "include/fk_driver.h"
    , 0};
static const char ode_group[] = {
#embed "include/fk_ode_group.h"
    , 0};

static const char *const headers[] = {base, vector, math, random_, tile, pack, gemm, row,
                                    weight_gradient, ode, ode_record, linear_algebra, root,
                                    inverse, driver, ode_group};

const char *fk_embedded_header(int index) { return headers[index]; }
int fk_embedded_header_count(void) { return sizeof(headers) / sizeof(*headers); }
