/* Adaptive steps of an ordinary differential equation, each row of the tile with a time and a step
 * size of its own: Dormand and Prince, "A family of embedded Runge-Kutta formulae", J. Comput.
 * Appl. Math. 6 (1980).
 *
 * The generated code evaluates the derivatives between these functions. A state of n elements has
 * its value x, the derivatives k of the stages (n elements each) and a point y, the argument of the
 * next evaluation. Rows that are done stand still with a step of 0. The adjoint differentiates the
 * accepted steps themselves, replayed one by one from their record. */
#ifndef FK_ODE_H
#define FK_ODE_H
#include "fk_math.h"

/* The elements of the control block of a tile. */
enum {
  FK_ODE_TIME,
  FK_ODE_STEP,
  FK_ODE_END,
  FK_ODE_ERROR,    /* the largest error of the step in units of what is tolerated */
  FK_ODE_DONE,     /* masks */
  FK_ODE_FAILED,
  FK_ODE_ACCEPTED, /* how many steps, as integers */
  FK_ODE_CONTROL
};

typedef fk_word fk_ode_word __attribute__((may_alias));

static const fk_real fk_ode_node[7] = {0,
                                       (fk_real)(1 / 5.0),
                                       (fk_real)(3 / 10.0),
                                       (fk_real)(4 / 5.0),
                                       (fk_real)(8 / 9.0),
                                       1,
                                       1};
/* The weights of earlier stages in each stage's point; the last row is the solution. */
static const fk_real fk_ode_weight[7][6] = {
    {0},
    {(fk_real)(1 / 5.0)},
    {(fk_real)(3 / 40.0), (fk_real)(9 / 40.0)},
    {(fk_real)(44 / 45.0), (fk_real)(-56 / 15.0), (fk_real)(32 / 9.0)},
    {(fk_real)(19372 / 6561.0), (fk_real)(-25360 / 2187.0), (fk_real)(64448 / 6561.0),
     (fk_real)(-212 / 729.0)},
    {(fk_real)(9017 / 3168.0), (fk_real)(-355 / 33.0), (fk_real)(46732 / 5247.0),
     (fk_real)(49 / 176.0), (fk_real)(-5103 / 18656.0)},
    {(fk_real)(35 / 384.0), 0, (fk_real)(500 / 1113.0), (fk_real)(125 / 192.0),
     (fk_real)(-2187 / 6784.0), (fk_real)(11 / 84.0)}};
/* The weights in the difference between the solutions of order 5 and 4. */
static const fk_real fk_ode_difference[7] = {
    (fk_real)(71 / 57600.0),      0,
    (fk_real)(-71 / 16695.0),     (fk_real)(71 / 1920.0),
    (fk_real)(-17253 / 339200.0), (fk_real)(22 / 525.0),
    (fk_real)(-1 / 40.0)};

#define FK_ODE_AT(c, element) ((c) + (element) * FK_TILE + v)

FK_OUTLINE void fk_ode_begin(fk_real *c, const fk_real *t0, const fk_real *t1) {
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_vec t = fk_load(t0 + v), end = fk_load(t1 + v), dt = end - t;
    fk_int failed = ~fk_is_finite(dt);
    fk_store(FK_ODE_AT(c, FK_ODE_TIME), t);
    fk_store(FK_ODE_AT(c, FK_ODE_STEP), fk_select(failed, fk_splat(0), dt));
    fk_store(FK_ODE_AT(c, FK_ODE_END), end);
    fk_store(FK_ODE_AT(c, FK_ODE_ERROR), fk_splat(0));
    fk_store_int(FK_ODE_AT(c, FK_ODE_DONE), failed | (dt == 0));
    fk_store_int(FK_ODE_AT(c, FK_ODE_FAILED), failed);
    fk_store_int(FK_ODE_AT(c, FK_ODE_ACCEPTED), fk_splat_int(0));
  }
}

/* The time at which a stage is evaluated. */
FK_OUTLINE void fk_ode_time(const fk_real *c, int stage, fk_real *t) {
  for (int v = 0; v < FK_TILE; v += FK_LANES)
    fk_store(t + v, fk_load(FK_ODE_AT(c, FK_ODE_TIME)) +
                        fk_ode_node[stage] * fk_load(FK_ODE_AT(c, FK_ODE_STEP)));
}

/* The state at which a stage is evaluated; at stage 6 it is the solution after the step. */
FK_OUTLINE void fk_ode_point(const fk_real *c, int stage, int n, const fk_real *x,
                             const fk_real *k, fk_real *y) {
  for (int e = 0; e < n; e++)
    for (int v = 0; v < FK_TILE; v += FK_LANES) {
      fk_vec sum = fk_splat(0);
      for (int i = 0; i < stage; i++)
        sum += fk_ode_weight[stage][i] * fk_load(k + (int64_t)(i * n + e) * FK_TILE + v);
      fk_vec dt = fk_load(FK_ODE_AT(c, FK_ODE_STEP));
      fk_store(y + (int64_t)e * FK_TILE + v, fk_load(x + (int64_t)e * FK_TILE + v) + dt * sum);
    }
}

/* A row whose state or derivatives are not finite at the start has failed. */
FK_OUTLINE void fk_ode_check(fk_real *c, int n, const fk_real *x, const fk_real *k) {
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_int failed = fk_load_int(FK_ODE_AT(c, FK_ODE_FAILED));
    for (int e = 0; e < n; e++)
      failed |= ~(fk_is_finite(fk_load(x + (int64_t)e * FK_TILE + v)) &
                  fk_is_finite(fk_load(k + (int64_t)e * FK_TILE + v)));
    fk_store_int(FK_ODE_AT(c, FK_ODE_FAILED), failed);
    fk_store_int(FK_ODE_AT(c, FK_ODE_DONE), fk_load_int(FK_ODE_AT(c, FK_ODE_DONE)) | failed);
    fk_vec dt = fk_load(FK_ODE_AT(c, FK_ODE_STEP));
    fk_store(FK_ODE_AT(c, FK_ODE_STEP), fk_select(failed, fk_splat(0), dt));
  }
}

/* Raises the step's error to the largest of a state's elements; NaN counts as too large. */
FK_OUTLINE void fk_ode_error(fk_real *c, int n, const fk_real *x, const fk_real *k,
                             const fk_real *y, fk_real atol, fk_real rtol) {
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_vec worst = fk_load(FK_ODE_AT(c, FK_ODE_ERROR)), dt = fk_load(FK_ODE_AT(c, FK_ODE_STEP));
    for (int e = 0; e < n; e++) {
      fk_vec sum = fk_splat(0);
      for (int i = 0; i < 7; i++)
        sum += fk_ode_difference[i] * fk_load(k + (int64_t)(i * n + e) * FK_TILE + v);
      fk_vec before = fk_abs(fk_load(x + (int64_t)e * FK_TILE + v));
      fk_vec after = fk_abs(fk_load(y + (int64_t)e * FK_TILE + v));
      fk_vec ratio = fk_abs(sum * dt) / (atol + rtol * fk_max(before, after));
      worst = fk_select(ratio < FK_INFINITY, fk_max(worst, ratio), fk_splat(FK_INFINITY));
    }
    fk_store(FK_ODE_AT(c, FK_ODE_ERROR), worst);
  }
}

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

/* The rows whose step is accepted move on; `record`, if not NULL, gets the state before. */
FK_OUTLINE void fk_ode_move(const fk_real *c, int n, fk_real *x, fk_real *k, const fk_real *y,
                            int width, fk_real *record) {
  for (int r = 0; record && r < FK_TILE; r++) {
    if (((const fk_ode_word *)c)[FK_ODE_DONE * FK_TILE + r] || !(c[FK_ODE_ERROR * FK_TILE + r] < 1))
      continue;
    int64_t step = ((const fk_ode_word *)c)[FK_ODE_ACCEPTED * FK_TILE + r];
    for (int e = 0; e < n; e++)
      record[(step * width + e) * FK_TILE + r] = x[(int64_t)e * FK_TILE + r];
  }
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_int accepted = ~fk_load_int(FK_ODE_AT(c, FK_ODE_DONE)) &
                      (fk_load(FK_ODE_AT(c, FK_ODE_ERROR)) < 1);
    for (int e = 0; e < n; e++) {
      int64_t at = (int64_t)e * FK_TILE + v;
      fk_store(x + at, fk_select(accepted, fk_load(y + at), fk_load(x + at)));
      fk_vec last = fk_load(k + (int64_t)6 * n * FK_TILE + at);
      fk_store(k + at, fk_select(accepted, last, fk_load(k + at)));
    }
  }
}

/* Chooses the next step of each row; whether one is left. */
FK_OUTLINE int fk_ode_next(fk_real *c) {
  fk_int running = fk_splat_int(0);
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_vec t = fk_load(FK_ODE_AT(c, FK_ODE_TIME)), dt = fk_load(FK_ODE_AT(c, FK_ODE_STEP));
    fk_vec end = fk_load(FK_ODE_AT(c, FK_ODE_END));
    fk_vec error = fk_max(fk_load(FK_ODE_AT(c, FK_ODE_ERROR)), fk_splat((fk_real)1e-9));
    fk_int done = fk_load_int(FK_ODE_AT(c, FK_ODE_DONE)), accepted = ~done & (error < 1);
    /* A step that is a little shorter than the way left can still end at the end by rounding. */
    fk_int last = accepted & ((fk_abs(dt) >= fk_abs(end - t)) | (t + dt == end));
    t = fk_select(last, end, fk_select(accepted, t + dt, t));
    fk_vec factor = (fk_real)0.9 * fk_exp((fk_real)-0.2 * fk_log(error));
    dt *= fk_min(fk_max(factor, fk_splat((fk_real)0.1)), fk_splat(10));
    fk_vec rest = end - t;
    dt = fk_select(fk_abs(dt) > fk_abs(rest), rest, dt);
    done |= last;
    fk_int failed = ~done & ((t + dt == t) | ~fk_is_finite(dt));
    done |= failed;
    fk_int count = fk_load_int(FK_ODE_AT(c, FK_ODE_ACCEPTED));
    fk_store(FK_ODE_AT(c, FK_ODE_TIME), t);
    fk_store(FK_ODE_AT(c, FK_ODE_STEP), fk_select(done, fk_splat(0), dt));
    fk_store(FK_ODE_AT(c, FK_ODE_ERROR), fk_splat(0));
    fk_store_int(FK_ODE_AT(c, FK_ODE_DONE), done);
    fk_store_int(FK_ODE_AT(c, FK_ODE_FAILED), fk_load_int(FK_ODE_AT(c, FK_ODE_FAILED)) | failed);
    fk_store_int(FK_ODE_AT(c, FK_ODE_ACCEPTED), count - accepted);
    running |= ~done;
  }
  fk_word left = 0;
  for (int i = 0; i < FK_LANES; i++)
    left |= running[i];
  return left != 0;
}

/* Rows that have failed or are not done have failed, and have no steps; the largest number of steps
 * of a row. */
FK_OUTLINE int fk_ode_end(fk_real *c) {
  fk_word most = 0;
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_int failed = fk_load_int(FK_ODE_AT(c, FK_ODE_FAILED)) |
                    ~fk_load_int(FK_ODE_AT(c, FK_ODE_DONE));
    fk_int count = ~failed & fk_load_int(FK_ODE_AT(c, FK_ODE_ACCEPTED));
    fk_store_int(FK_ODE_AT(c, FK_ODE_FAILED), failed);
    fk_store_int(FK_ODE_AT(c, FK_ODE_ACCEPTED), count);
    for (int i = 0; i < FK_LANES; i++)
      most = count[i] > most ? count[i] : most;
  }
  return (int)most;
}

/* Fills the record of rows with fewer steps than others with steps of size 0. */
FK_OUTLINE void fk_ode_pause(const fk_real *c, int steps, int width, fk_real *record) {
  for (int r = 0; r < FK_TILE; r++)
    for (int64_t step = ((const fk_ode_word *)c)[FK_ODE_ACCEPTED * FK_TILE + r]; step < steps; step++) {
      record[step * width * FK_TILE + r] = c[FK_ODE_END * FK_TILE + r];
      record[(step * width + 1) * FK_TILE + r] = 0;
    }
}

/* The same for a state, which stands still at its end; a row that has failed at 0, so that what it
 * adds to sums over rows is finite, and multiplied by 0. Then the failed rows' states become NaN. */
FK_OUTLINE void fk_ode_rest(const fk_real *c, int n, fk_real *x, int steps, int width,
                            fk_real *record) {
  for (int r = 0; r < FK_TILE; r++) {
    int failed = ((const fk_ode_word *)c)[FK_ODE_FAILED * FK_TILE + r] != 0;
    int64_t step = ((const fk_ode_word *)c)[FK_ODE_ACCEPTED * FK_TILE + r];
    for (; record && step < steps; step++)
      for (int e = 0; e < n; e++)
        record[(step * width + e) * FK_TILE + r] = failed ? 0 : x[(int64_t)e * FK_TILE + r];
    for (int e = 0; failed && e < n; e++)
      x[(int64_t)e * FK_TILE + r] = FK_NAN;
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
