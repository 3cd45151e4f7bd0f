/* Packs the weights of a layer in panels: up to FK_PANEL_ROWS outputs, the biases first, then for each input
 * the weights of all outputs, in the order in which a product reads them. A training step packs all weights
 * anew, each twice: as they are, and transposed for the gradient of the inputs. */
#ifndef FK_PACK_H
#define FK_PACK_H
#include "fk_vector.h"

typedef struct {
  int32_t weights; /* where the packed panel starts */
  int32_t row;     /* its first output element */
  int32_t rows;    /* 1 … FK_PANEL_ROWS outputs */
  int32_t first;   /* the first input element that it sees */
  int32_t k;       /* how many inputs it sees */
  int32_t stride;  /* numbers from an input's weights to the next input's, its own `rows` or more */
} fk_panel;

#define FK_PANEL_ROWS 6

/* Numbers that are moved together when a panel is packed. */
typedef fk_real fk_four
    __attribute__((vector_size(4 * FK_REAL_BYTES), aligned(FK_REAL_BYTES), may_alias));
typedef fk_real fk_two
    __attribute__((vector_size(2 * FK_REAL_BYTES), aligned(FK_REAL_BYTES), may_alias));

/* Four numbers of each of four rows, whose numbers i go to out + i * stride. */
FK_INLINE void fk_pack_four(int stride, const fk_real *const *start, int64_t at, fk_real *out) {
  const fk_four a = *(const fk_four *)(start[0] + at), b = *(const fk_four *)(start[1] + at);
  const fk_four c = *(const fk_four *)(start[2] + at), d = *(const fk_four *)(start[3] + at);
  const fk_four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const fk_four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const fk_four ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const fk_four cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(fk_four *)out = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  *(fk_four *)(out + stride) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  *(fk_four *)(out + 2 * stride) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
  *(fk_four *)(out + 3 * stride) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
}
/* As fk_pack_four for two rows. */
FK_INLINE void fk_pack_two(int stride, const fk_real *const *start, int64_t at, fk_real *out) {
  const fk_four a = *(const fk_four *)(start[0] + at), b = *(const fk_four *)(start[1] + at);
  *(fk_two *)out = __builtin_shufflevector(a, b, 0, 4);
  *(fk_two *)(out + stride) = __builtin_shufflevector(a, b, 1, 5);
  *(fk_two *)(out + 2 * stride) = __builtin_shufflevector(a, b, 2, 6);
  *(fk_two *)(out + 3 * stride) = __builtin_shufflevector(a, b, 3, 7);
}

/* Whether n numbers count up one by one. */
FK_INLINE int fk_counts_up(const int32_t *list, int n) {
  int wrong = 0;
  for (int i = 1; i < n; i++)
    wrong |= list[i] - list[0] - i;
  return !wrong;
}

/* The weights of inputs [from, to) for `count` of a panel's outputs: 4, 2 or 1, known here since it is inlined.
 * Outputs that lie side by side, as in a transposed matrix, are moved together; and so are four inputs that do. */
FK_INLINE void fk_pack_rows(int count, int from, int to, const fk_real *source, const int32_t *rows,
                            const int32_t *columns, int stride, fk_real *out) {
  const fk_real *start[4];
  FK_UNROLL
  for (int r = 0; r < count; r++)
    start[r] = source + rows[r];
  const int is_row = count > 1 && fk_counts_up(rows, count);
  int i = from;
  if (!is_row && to - from >= 4 && fk_counts_up(columns + from, to - from)) {
    const int64_t first = (int64_t)columns[from] - from;
    FK_LOOP for (; i + 4 <= to; i += 4, out += 4 * stride) {
      if (count == 4)
        fk_pack_four(stride, start, first + i, out);
      else if (count == 2)
        fk_pack_two(stride, start, first + i, out);
      else
        FK_UNROLL for (int k = 0; k < 4; k++) out[k * stride] = start[0][first + i + k];
    }
  }
  FK_SCALAR_LOOP for (; i < to; i++, out += stride) {
    const int64_t column = columns[i];
    if (is_row)
      __builtin_memcpy(out, start[0] + column, (size_t)count * sizeof(fk_real));
    else
      FK_UNROLL for (int r = 0; r < count; r++) out[r] = start[r][column];
  }
}
/* The weights of inputs [from, to) for a panel's outputs. */
FK_OUTLINE void fk_pack_inputs(int count, int from, int to, const fk_real *source,
                               const int32_t *rows, const int32_t *columns, int stride,
                               fk_real *out) {
  if (count >= 4) {
    fk_pack_rows(4, from, to, source, rows, columns, stride, out);
    count -= 4, rows += 4, out += 4;
  }
  if (count >= 2) {
    fk_pack_rows(2, from, to, source, rows, columns, stride, out);
    count -= 2, rows += 2, out += 2;
  }
  if (count)
    fk_pack_rows(1, from, to, source, rows, columns, stride, out);
}

/* Bits [at, at + n) of a mask, n at most 32. */
FK_INLINE uint32_t fk_mask_bits(const uint32_t *mask, int64_t at, int n) {
  uint64_t bits = mask[at >> 5];
  if ((at & 31) + n > 32)
    bits |= (uint64_t)mask[(at >> 5) + 1] << 32;
  return (uint32_t)(bits >> (at & 31)) & (uint32_t)(((uint64_t)1 << n) - 1);
}

/* Packs one panel: weight (o, i) is source[rows[o] + columns[i]]; either bias or mask may be NULL.
 * The mask holds one bit per weight, `mask_columns` to a row. */
FK_INLINE void fk_pack_panel(const fk_panel *p, const fk_real *source, const int32_t *rows,
                             const int32_t *columns, const fk_real *bias, const int32_t *bias_index,
                             const uint32_t *mask, int64_t mask_columns, fk_real *packed) {
  fk_real *out = packed + p->weights;
  const int end = p->first + p->k;
  for (int r = 0; r < p->rows; r++)
    out[r] = bias ? bias[bias_index[p->row + r]] : 0;
  out += p->stride;
  rows += p->row;
  if (!mask) {
    fk_pack_inputs(p->rows, p->first, end, source, rows, columns, p->stride, out);
    return;
  }
  /* Most outputs see most inputs: only where one does not, it is looked at weight by weight. */
  for (int from = p->first, to; from < end; out += (to - from) * p->stride, from = to) {
    to = from + 32 < end ? from + 32 : end;
    uint32_t seen[6], unseen = 0;
    for (int r = 0; r < p->rows; r++) {
      seen[r] = fk_mask_bits(mask, (p->row + r) * mask_columns + from, to - from);
      unseen |= ~seen[r] << (32 - (to - from));
    }
    if (!unseen) {
      fk_pack_inputs(p->rows, from, to, source, rows, columns, p->stride, out);
      continue;
    }
    for (int i = from; i < to; i++)
      for (int r = 0; r < p->rows; r++)
        out[(i - from) * p->stride + r] =
            seen[r] >> (i - from) & 1 ? source[rows[r] + columns[i]] : 0;
  }
}

/* Packs a thread's part of a layer's panels, `packed_count` numbers in all. */
FK_OUTLINE void fk_pack(const fk_panel *panels, int count, int64_t packed_count, int thread,
                        int threads, const fk_real *source, const int32_t *rows,
                        const int32_t *columns, const fk_real *bias, const int32_t *bias_index,
                        const uint32_t *mask, int64_t mask_columns, fk_real *packed) {
  for (const fk_panel *p = panels; p < panels + count; p++)
    if ((int64_t)p->weights * threads / packed_count == thread)
      fk_pack_panel(p, source, rows, columns, bias, bias_index, mask, mask_columns, packed);
}
#endif
