/* The record of an ordinary differential equation's accepted steps, and their adjoint, which
 * differentiates the steps themselves, replayed one by one. */
#ifndef FK_ODE_RECORD_H
#define FK_ODE_RECORD_H
#include "fk_ode.h"

/* Writes the time and size of an accepted step to the record, `width` elements to a step. */
FK_OUTLINE void fk_ode_record(const fk_real *c, int width, fk_real *record) {
  for (int r = 0; r < FK_TILE; r++) {
    if (((const fk_ode_word *)c)[FK_ODE_DONE * FK_TILE + r] || !(c[FK_ODE_ERROR * FK_TILE + r] < 1))
      continue;
    int64_t step = ((const fk_ode_word *)c)[FK_ODE_ACCEPTED * FK_TILE + r];
    fk_real *out = record + step * width * FK_TILE + r;
    out[0] = c[FK_ODE_TIME * FK_TILE + r];
    out[FK_TILE] = c[FK_ODE_STEP * FK_TILE + r];
  }
}

/* Fills the record of rows with fewer steps than others with steps of size 0. */
FK_OUTLINE void fk_ode_pause(const fk_real *c, int steps, int width, fk_real *record) {
  for (int r = 0; r < FK_TILE; r++)
    for (int64_t step = ((const fk_ode_word *)c)[FK_ODE_ACCEPTED * FK_TILE + r]; step < steps; step++) {
      record[step * width * FK_TILE + r] = c[FK_ODE_END * FK_TILE + r];
      record[(step * width + 1) * FK_TILE + r] = 0;
    }
}

/* The time and size of a recorded step. */
FK_OUTLINE void fk_ode_recall(fk_real *c, const fk_real *record) {
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_store(FK_ODE_AT(c, FK_ODE_TIME), fk_load(record + v));
    fk_store(FK_ODE_AT(c, FK_ODE_STEP), fk_load(record + FK_TILE + v));
  }
}

/* The cotangent g of a stage's derivatives from that of the state after the step, y, and those of
 * the later stages' points, h. */
FK_OUTLINE void fk_ode_cotangent(const fk_real *c, int stage, int n, const fk_real *y,
                                 const fk_real *h, fk_real *g) {
  for (int e = 0; e < n; e++)
    for (int v = 0; v < FK_TILE; v += FK_LANES) {
      fk_vec sum = fk_ode_weight[6][stage] * fk_load(y + (int64_t)e * FK_TILE + v);
      for (int i = stage + 1; i < 6; i++)
        sum += fk_ode_weight[i][stage] * fk_load(h + (int64_t)(i * n + e) * FK_TILE + v);
      fk_vec dt = fk_load(FK_ODE_AT(c, FK_ODE_STEP));
      fk_store(g + (int64_t)e * FK_TILE + v, fk_select(dt == 0, fk_splat(0), dt * sum));
    }
}

/* The cotangent of the state before the step; rows with a step of 0 keep theirs. */
FK_OUTLINE void fk_ode_pull(const fk_real *c, int n, const fk_real *h, fk_real *y) {
  for (int e = 0; e < n; e++)
    for (int v = 0; v < FK_TILE; v += FK_LANES) {
      fk_vec sum = fk_load(y + (int64_t)e * FK_TILE + v), old = sum;
      for (int i = 0; i < 6; i++)
        sum += fk_load(h + (int64_t)(i * n + e) * FK_TILE + v);
      fk_int rests = fk_load(FK_ODE_AT(c, FK_ODE_STEP)) == 0;
      fk_store(y + (int64_t)e * FK_TILE + v, fk_select(rests, old, sum));
    }
}

/* Adds a part to the sum over all steps, in rows that move. */
FK_OUTLINE void fk_ode_add(const fk_real *c, int n, const fk_real *part, fk_real *sum) {
  for (int e = 0; e < n; e++)
    for (int v = 0; v < FK_TILE; v += FK_LANES) {
      int64_t at = (int64_t)e * FK_TILE + v;
      fk_int rests = fk_load(FK_ODE_AT(c, FK_ODE_STEP)) == 0;
      fk_vec old = fk_load(sum + at);
      fk_store(sum + at, fk_select(rests, old, old + fk_load(part + at)));
    }
}
#endif
