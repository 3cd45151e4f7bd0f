/* The gradient of a weight matrix on one tile: gw[o, i] (+)= sum over rows of gy[o] x[i].
 *
 * The layer's input is transposed once per tile, so that the lanes run over inputs; the sum over
 * the tile's rows stays in registers, rows outputs by up to four vectors of inputs. */
#ifndef FK_WEIGHT_GRADIENT_H
#define FK_WEIGHT_GRADIENT_H
#include "fk_gemm.h"
#include "fk_tile.h"

/* Elements [0, n) of a tile to row-major order, `stride` (a multiple of FK_LANES) numbers a row; zeros
 * up to a whole vector. */
FK_OUTLINE void fk_transpose_tile(const fk_real *x, int n, fk_real *xt, int stride) {
  for (int e0 = 0; e0 < n; e0 += FK_LANES)
    for (int r0 = 0; r0 < FK_TILE; r0 += FK_LANES) {
      fk_vec block[FK_LANES];
      FK_UNROLL
      for (int i = 0; i < FK_LANES; i++)
        block[i] = e0 + i < n ? fk_load(x + (int64_t)(e0 + i) * FK_TILE + r0) : (fk_vec){0};
      fk_transpose_block(block);
      FK_UNROLL
      for (int i = 0; i < FK_LANES; i++)
        fk_store(xt + (int64_t)(r0 + i) * stride + e0, block[i]);
    }
}

#define FK_DEFINE_BLOCK(ROWS, VECTORS)                                                             \
  FK_OUTLINE void fk_block_##ROWS##_##VECTORS(const fk_real *restrict gy,                          \
                                              const fk_real *restrict xt, int stride,              \
                                              fk_real *restrict gw, int accumulate) {              \
    fk_vec acc[ROWS][VECTORS];                                                                     \
    FK_UNROLL for (int o = 0; o < ROWS; o++)                                                       \
    FK_UNROLL for (int v = 0; v < VECTORS; v++) {                                                  \
      __builtin_prefetch(gw + (int64_t)o * stride + v * FK_LANES, 1);                              \
      acc[o][v] = (fk_vec){0};                                                                     \
    }                                                                                              \
    for (int r = 0; r < FK_TILE; r++) {                                                            \
      fk_vec in[VECTORS];                                                                          \
      FK_UNROLL for (int v = 0; v < VECTORS; v++) in[v] = fk_load(xt + v * FK_LANES);              \
      FK_UNROLL for (int o = 0; o < ROWS; o++) {                                                   \
        fk_vec g = fk_splat(gy[o * FK_TILE + r]);                                                  \
        FK_UNROLL for (int v = 0; v < VECTORS; v++) acc[o][v] += g * in[v];                        \
      }                                                                                            \
      xt += stride;                                                                                \
    }                                                                                              \
    FK_UNROLL for (int o = 0; o < ROWS; o++)                                                       \
    FK_UNROLL for (int v = 0; v < VECTORS; v++) {                                                  \
      fk_real *out = gw + (int64_t)o * stride + v * FK_LANES;                                      \
      fk_store(out, accumulate ? fk_load(out) + acc[o][v] : acc[o][v]);                            \
    }                                                                                              \
  }
#define FK_DEFINE_BLOCKS(ROWS)                                                                     \
  FK_DEFINE_BLOCK(ROWS, 1)                                                                         \
  FK_DEFINE_BLOCK(ROWS, 2)                                                                         \
  FK_DEFINE_BLOCK(ROWS, 3)                                                                         \
  FK_DEFINE_BLOCK(ROWS, 4)                                                                         \
  FK_INLINE void fk_blocks_##ROWS(const fk_real *gy, const fk_real *xt, int stride, int vectors,   \
                                  fk_real *gw, int accumulate) {                                   \
    if (FK_VECTORS < 4)                                                                            \
      for (; vectors > 2; vectors -= 2, xt += 2 * FK_LANES, gw += 2 * FK_LANES)                    \
        fk_block_##ROWS##_2(gy, xt, stride, gw, accumulate);                                       \
    for (; vectors >= 4; vectors -= 4, xt += 4 * FK_LANES, gw += 4 * FK_LANES)                     \
      fk_block_##ROWS##_4(gy, xt, stride, gw, accumulate);                                         \
    if (vectors == 3)                                                                              \
      fk_block_##ROWS##_3(gy, xt, stride, gw, accumulate);                                         \
    if (vectors == 2)                                                                              \
      fk_block_##ROWS##_2(gy, xt, stride, gw, accumulate);                                         \
    if (vectors == 1)                                                                              \
      fk_block_##ROWS##_1(gy, xt, stride, gw, accumulate);                                         \
  }
FK_DEFINE_BLOCKS(1)
FK_DEFINE_BLOCKS(2)
FK_DEFINE_BLOCKS(3)
FK_DEFINE_BLOCKS(4)
FK_DEFINE_BLOCKS(5)
FK_DEFINE_BLOCKS(6)

/* All blocks of a layer. gw has `stride` numbers a row, as xt; entries beside a block's inputs may
 * be written too, up to whole vectors, and mean nothing. */
FK_OUTLINE void fk_weight_gradient(const fk_real *gy, const fk_real *xt, int stride,
                                   const fk_panel *blocks, int count, fk_real *gw,
                                   int accumulate) {
  for (const fk_panel *b = blocks; b < blocks + count; b++) {
    int start = b->first / FK_LANES * FK_LANES;
    int vectors = (b->first + b->k - start + FK_LANES - 1) / FK_LANES;
    const fk_real *g = gy + (int64_t)b->row * FK_TILE, *x = xt + start;
    fk_real *out = gw + (int64_t)b->row * stride + start;
    switch (b->rows) {
    case 1: fk_blocks_1(g, x, stride, vectors, out, accumulate); break;
    case 2: fk_blocks_2(g, x, stride, vectors, out, accumulate); break;
    case 3: fk_blocks_3(g, x, stride, vectors, out, accumulate); break;
    case 4: fk_blocks_4(g, x, stride, vectors, out, accumulate); break;
    case 5: fk_blocks_5(g, x, stride, vectors, out, accumulate); break;
    default: fk_blocks_6(g, x, stride, vectors, out, accumulate); break;
    }
  }
}
#endif
