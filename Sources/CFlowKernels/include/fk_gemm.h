/* The panel product of the linear layers, y = W x + b on one tile.
 *
 * A panel is up to six outputs that see the same inputs [first, first + k). Its weights are packed
 * in reading order, [bias: rows][k][rows], so that each is loaded once per tile and used for all
 * of the tile's rows from registers (Goto, van de Geijn, "Anatomy of high-performance matrix
 * multiplication", 2008, with the roles of lanes and broadcasts swapped). */
#ifndef FK_GEMM_H
#define FK_GEMM_H
#include "fk_pack.h"

/* How far ahead of the product weights are asked for, in bytes. The panels of a layer lie one after the
 * other, so that this is the next panel's start near a panel's end; the processor's own prefetching stops
 * at each page. It matters where the weights do not fit in the caches: 1.4 times as fast from memory. */
#define FK_AHEAD 2048

/* How many vectors of rows a panel of so many outputs takes at a time. Their sums should be so many as
 * hide the latency of a multiply-add, eight or more, and fit in the registers beside an output's factor
 * and the inputs, or an input and the outputs' factors, whichever are fewer. SSE has no fused
 * multiply-add, and needs a register for a product too. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define FK_PANEL_VECTORS(ROWS) FK_VECTORS
#elif defined(__AVX2__)
#define FK_PANEL_VECTORS(ROWS) (ROWS == 1 ? 8 : ROWS <= 3 ? 4 : ROWS == 4 ? 3 : 2)
#else
#define FK_PANEL_VECTORS(ROWS) (ROWS == 1 ? 8 : ROWS == 2 ? 4 : 2)
#endif

/* Defines NAME_tile_ROWS and NAME_vector_ROWS(weights, p, input, y, extra), which multiply one panel of
 * ROWS outputs with a whole tile, or with the first vector of one. NAME_epilogue(acc, extra) gives what
 * is stored; `extra` points to the same element of a second tile buffer that the epilogue may read. */
#define FK_DEFINE_PANEL(NAME, ROWS)                                                                \
  FK_DEFINE_PANEL_BLOCK(NAME, NAME##_block_##ROWS, ROWS, FK_PANEL_VECTORS(ROWS), FK_INLINE)        \
  FK_DEFINE_PANEL_BLOCK(NAME, NAME##_rest_##ROWS, ROWS, FK_PANEL_REST(ROWS), FK_INLINE)            \
  FK_DEFINE_PANEL_BLOCK(NAME, NAME##_vector_##ROWS, ROWS, 1, FK_OUTLINE)                           \
  FK_OUTLINE void NAME##_tile_##ROWS(const fk_real *restrict weights, const fk_panel *restrict p,  \
                                     const fk_real *restrict input, fk_real *restrict y,           \
                                     const fk_real *extra) {                                       \
    const int step = FK_PANEL_VECTORS(ROWS) * FK_LANES;                                            \
    int b = 0;                                                                                     \
    for (; b + step <= FK_TILE; b += step)                                                         \
      NAME##_block_##ROWS(weights, p, input + b, y + b, extra + b);                                \
    if (b < FK_TILE)                                                                               \
      NAME##_rest_##ROWS(weights, p, input + b, y + b, extra + b);                                 \
  }
/* The vectors that are left of a tile; 1 if none are. */
#define FK_PANEL_REST(ROWS)                                                                        \
  (FK_TILE / FK_LANES % FK_PANEL_VECTORS(ROWS) ? FK_TILE / FK_LANES % FK_PANEL_VECTORS(ROWS) : 1)
#define FK_DEFINE_PANEL_BLOCK(NAME, FUNCTION, ROWS, VECTORS, LINKAGE)                              \
  LINKAGE void FUNCTION(const fk_real *restrict weights, const fk_panel *restrict p,               \
                        const fk_real *restrict input, fk_real *restrict y,                        \
                        const fk_real *extra) {                                                    \
    const fk_real *restrict w = weights + ROWS, *restrict x = input + (int64_t)p->first * FK_TILE; \
    fk_vec acc[ROWS][VECTORS];                                                                     \
    FK_UNROLL for (int r = 0; r < ROWS; r++)                                                       \
    FK_UNROLL for (int v = 0; v < VECTORS; v++) acc[r][v] = fk_splat(weights[r]);                  \
    for (int k = p->k; k > 0; k--) {                                                               \
      if (ROWS < VECTORS) {                                                                        \
        fk_vec factor[ROWS];                                                                       \
        FK_UNROLL for (int r = 0; r < ROWS; r++) factor[r] = fk_splat(w[r]);                       \
        FK_UNROLL for (int v = 0; v < VECTORS; v++) {                                              \
          fk_vec in = fk_load(x + v * FK_LANES);                                                   \
          FK_UNROLL for (int r = 0; r < ROWS; r++) acc[r][v] += factor[r] * in;                    \
        }                                                                                          \
      } else {                                                                                     \
        fk_vec in[VECTORS];                                                                        \
        FK_UNROLL for (int v = 0; v < VECTORS; v++) in[v] = fk_load(x + v * FK_LANES);             \
        FK_UNROLL for (int r = 0; r < ROWS; r++) {                                                 \
          fk_vec factor = fk_splat(w[r]);                                                          \
          FK_UNROLL for (int v = 0; v < VECTORS; v++) acc[r][v] += factor * in[v];                 \
        }                                                                                          \
      }                                                                                            \
      __builtin_prefetch((const char *)w + FK_AHEAD);                                              \
      w += ROWS;                                                                                   \
      x += FK_TILE;                                                                                \
    }                                                                                              \
    FK_UNROLL for (int r = 0; r < ROWS; r++)                                                       \
    FK_UNROLL for (int v = 0; v < VECTORS; v++) {                                                  \
      int64_t at = (int64_t)(p->row + r) * FK_TILE + v * FK_LANES;                                 \
      fk_store(y + at, NAME##_epilogue(acc[r][v], (extra + at)));                                  \
    }                                                                                              \
  }

/* Defines NAME_late(rows, width, y, extra): an epilogue of many instructions, for what a panel's
 * products have stored. The sums do not take the registers of its constants, its code is there once,
 * and layers with different epilogues share the products. */
#define FK_DEFINE_LATE(NAME)                                                                       \
  FK_OUTLINE void NAME##_late(int rows, int width, fk_real *restrict y,                            \
                              const fk_real *restrict extra) {                                     \
    for (int r = 0; r < rows; r++, y += FK_TILE, extra += FK_TILE)                                 \
      FK_LOOP for (int i = 0; i < width; i += FK_LANES)                                            \
        fk_store(y + i, NAME##_epilogue(fk_load(y + i), extra + i));                               \
  }

/* One row: its lanes are outputs. A panel's sums are a vector, in which each output is summed up as it is
 * in a tile, so that the bits are the same; up to FK_ROW_PANELS panels take turns, since each waits for
 * its last multiply-add. A vector of a panel with fewer outputs reads on in what is packed behind it, and
 * the lanes beyond its outputs are not used. */
#define FK_ROW_PANELS 6
#define FK_ROW_WORK 64 /* panels times inputs: products of fewer take less time with a vector of rows */
#define FK_ROW_LANES 8
typedef fk_real fk_outputs __attribute__((vector_size(FK_ROW_LANES * FK_REAL_BYTES)));
typedef fk_real fk_outputs_unaligned __attribute__((
    vector_size(FK_ROW_LANES * FK_REAL_BYTES), aligned(FK_REAL_BYTES), may_alias));

/* Panels of the same inputs: where each has come to in its weights, its outputs, and their sums. */
typedef struct {
  const fk_real *weights[FK_ROW_PANELS];
  int rows[FK_ROW_PANELS];
  fk_outputs sums[FK_ROW_PANELS];
} fk_row_panels;

/* Multiplies k inputs from x on by panels [from, from + count); inlined, so that `count` is known. */
FK_INLINE void fk_row_inputs(int count, fk_row_panels *t, int from, int k, const fk_real *x) {
  const fk_real *w[FK_ROW_PANELS];
  fk_outputs sums[FK_ROW_PANELS];
  FK_UNROLL for (int i = 0; i < count; i++) w[i] = t->weights[from + i], sums[i] = t->sums[from + i];
  FK_LOOP for (; k > 0; k--, x += FK_TILE) {
    const fk_outputs in = *x - (fk_outputs){0};
    FK_UNROLL for (int i = 0; i < count; i++) {
      sums[i] += *(const fk_outputs_unaligned *)w[i] * in;
      w[i] += t->rows[from + i];
    }
  }
  FK_UNROLL for (int i = 0; i < count; i++) t->weights[from + i] = w[i], t->sums[from + i] = sums[i];
}

/* The products of the first of `left` panels, as many as have outputs that lie together and see the same
 * inputs or more, with one row; gives how many panels those are. Their outputs' sums go to `sums`, which
 * has room for FK_ROW_LANES more. */
FK_OUTLINE int fk_row_products(const fk_real *packed, const fk_panel *p, int left, const fk_real *x,
                               fk_real *sums) {
  fk_row_panels t;
  int n = 0, from = 0, done = 0;
  do {
    t.weights[n] = packed + p[n].weights;
    t.rows[n] = p[n].rows;
    t.sums[n] = *(const fk_outputs_unaligned *)t.weights[n];
    t.weights[n] += p[n].rows;
    n++;
  } while (n < FK_ROW_PANELS && n < left && p[n].first == p->first && p[n].k >= p[n - 1].k &&
           p[n].row == p[n - 1].row + p[n - 1].rows);
  x += (int64_t)p->first * FK_TILE;
  while (from < n) {
    const int k = p[from].k - done;
    switch (n - from) {
    case 6: fk_row_inputs(6, &t, from, k, x); break;
    case 5: fk_row_inputs(5, &t, from, k, x); break;
    case 4: fk_row_inputs(4, &t, from, k, x); break;
    case 3: fk_row_inputs(3, &t, from, k, x); break;
    case 2: fk_row_inputs(2, &t, from, k, x); break;
    default: fk_row_inputs(1, &t, from, k, x); break;
    }
    x += (int64_t)k * FK_TILE;
    done += k;
    while (from < n && p[from].k == done)
      from++;
  }
  for (int i = 0; i < n; sums += p[i].rows, i++)
    *(fk_outputs_unaligned *)sums = t.sums[i];
  return n;
}

/* Defines NAME_row(packed, panels, begin, end, x, y, extra): panels [begin, end) of a layer on one row. All
 * lanes of a vector of rows get what is stored, as they have the same row. */
#define FK_DEFINE_ROW(NAME)                                                                        \
  FK_OUTLINE void NAME##_row(const fk_real *packed, const fk_panel *panels, int begin, int end,    \
                             const fk_real *x, fk_real *y, const fk_real *extra) {                 \
    for (int first = begin, next; first < end; first = next) {                                     \
      fk_real sums[FK_ROW_PANELS * FK_PANEL_ROWS + FK_ROW_LANES + FK_LANES] = {0};                 \
      const fk_panel *p = panels + first;                                                          \
      next = first + fk_row_products(packed, p, end - first, x, sums);                             \
      const int count = panels[next - 1].row + panels[next - 1].rows - p->row;                     \
      for (int i = 0; i < count; i += FK_LANES) {                                                  \
        const int some = count - i < FK_LANES ? count - i : FK_LANES;                              \
        const int64_t at = (int64_t)(p->row + i) * FK_TILE;                                        \
        fk_vec beside = {0};                                                                       \
        for (int o = 0; o < some; o++)                                                             \
          beside[o] = extra[at + o * FK_TILE];                                                     \
        const fk_vec stored = NAME##_epilogue(fk_loadu(sums + i), (const fk_real *)&beside);       \
        for (int o = 0; o < some; o++)                                                             \
          fk_store(y + at + o * FK_TILE, fk_splat(stored[o]));                                     \
      }                                                                                            \
    }                                                                                              \
  }

/* Defines NAME(width, packed, panels, begin, end, x, y, extra): panels [begin, end) of a layer on the
 * first `width` rows of a tile: all, one vector of them, or one. CASES has a case for each number of outputs
 * that a panel of the layer has; LATE, if it is not empty, comes after the products of each. ROW has
 * FK_DEFINE_ROW's function for the layer's epilogue, for panels times inputs of LEAST or more. */
#define FK_PANEL_CASE(PANEL, ROWS)                                                                 \
  case ROWS:                                                                                       \
    if (width == FK_TILE)                                                                          \
      PANEL##_tile_##ROWS(packed + p->weights, p, x, y, extra);                                    \
    else                                                                                           \
      PANEL##_vector_##ROWS(packed + p->weights, p, x, y, extra);                                  \
    break;
#define FK_LATE(NAME)                                                                              \
  NAME##_late(p->rows, width, y + (int64_t)p->row * FK_TILE, extra + (int64_t)p->row * FK_TILE);
#define FK_DEFINE_GEMM(NAME, CASES, ROW, LEAST, LATE)                                              \
  FK_OUTLINE void NAME(int width, const fk_real *packed, const fk_panel *panels, int begin,        \
                       int end, const fk_real *x, fk_real *y, const fk_real *extra) {              \
    if (width == 1 && end > begin && (end - begin) * panels[end - 1].k >= LEAST) {                 \
      ROW##_row(packed, panels, begin, end, x, y, extra);                                          \
      return;                                                                                      \
    }                                                                                              \
    for (const fk_panel *p = panels + begin; p < panels + end; p++) {                              \
      switch (p->rows) { CASES }                                                                   \
      LATE                                                                                         \
    }                                                                                              \
  }
#endif
