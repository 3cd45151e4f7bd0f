/* Adaptive steps of an ordinary differential equation, each row of the tile with a time and a step
 * size of its own: Dormand and Prince, "A family of embedded Runge-Kutta formulae", J. Comput.
 * Appl. Math. 6 (1980). The first size is guessed, and the next chosen by a proportional-integral
 * controller, as in Hairer, Norsett and Wanner, "Solving Ordinary Differential Equations I", II.4,
 * and "II", IV.2.
 *
 * The generated code evaluates the derivatives between these functions. A state of n elements has
 * its value x, the derivatives k of the stages (n elements each) and a point y, the argument of the
 * next evaluation. Rows that are done stand still with a step of 0. What is recorded of the
 * steps, and their adjoint, is in fk_ode_record.h. */
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
  FK_ODE_TRIED,    /* how many steps, as integers */
  FK_ODE_ACCEPTED,
  FK_ODE_PREVIOUS, /* the error of the last accepted step */
  FK_ODE_REJECTED, /* a mask: the last step was rejected */
  FK_ODE_SIZE,     /* at the start, the largest element of the state, and of the derivatives, */
  FK_ODE_SLOPE,    /*   in units of what is tolerated */
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

/* A row whose way is not finite has failed; one whose way is 0 is done. */
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
    fk_store_int(FK_ODE_AT(c, FK_ODE_TRIED), fk_splat_int(0));
    fk_store_int(FK_ODE_AT(c, FK_ODE_ACCEPTED), fk_splat_int(0));
    fk_store(FK_ODE_AT(c, FK_ODE_PREVIOUS), fk_splat(1));
    fk_store_int(FK_ODE_AT(c, FK_ODE_REJECTED), fk_splat_int(0));
    fk_store(FK_ODE_AT(c, FK_ODE_SIZE), fk_splat(0));
    fk_store(FK_ODE_AT(c, FK_ODE_SLOPE), fk_splat(0));
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

/* |x| in units of the error that is tolerated where the state is y. */
FK_INLINE fk_vec fk_ode_ratio(fk_vec x, fk_vec y, fk_real atol, fk_real rtol) {
  fk_vec unit = atol + rtol * fk_abs(y);
  return fk_select(unit > 0, fk_abs(x) / unit, fk_splat(0));
}

/* A row whose state or derivatives are not finite at the start has failed. */
FK_OUTLINE void fk_ode_check(fk_real *c, int n, const fk_real *x, const fk_real *k, fk_real atol,
                             fk_real rtol) {
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_int failed = fk_load_int(FK_ODE_AT(c, FK_ODE_FAILED));
    fk_vec size = fk_load(FK_ODE_AT(c, FK_ODE_SIZE)), slope = fk_load(FK_ODE_AT(c, FK_ODE_SLOPE));
    for (int e = 0; e < n; e++) {
      fk_vec state = fk_load(x + (int64_t)e * FK_TILE + v);
      fk_vec derivative = fk_load(k + (int64_t)e * FK_TILE + v);
      failed |= ~(fk_is_finite(state) & fk_is_finite(derivative));
      size = fk_max(size, fk_ode_ratio(state, state, atol, rtol));
      slope = fk_max(slope, fk_ode_ratio(derivative, state, atol, rtol));
    }
    fk_store(FK_ODE_AT(c, FK_ODE_SIZE), size);
    fk_store(FK_ODE_AT(c, FK_ODE_SLOPE), slope);
    fk_store_int(FK_ODE_AT(c, FK_ODE_FAILED), failed);
    fk_store_int(FK_ODE_AT(c, FK_ODE_DONE), fk_load_int(FK_ODE_AT(c, FK_ODE_DONE)) | failed);
  }
}

/* The first guess of a step: one that changes the state by a hundredth, at least a ten-thousandth of
 * the way. The second stage of a step that is five times as long is evaluated there. */
FK_OUTLINE void fk_ode_probe(fk_real *c) {
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_vec way = fk_load(FK_ODE_AT(c, FK_ODE_END)) - fk_load(FK_ODE_AT(c, FK_ODE_TIME));
    fk_vec length = fk_abs(way);
    fk_vec part = (fk_real)0.01 * fk_load(FK_ODE_AT(c, FK_ODE_SIZE)) /
                  (fk_load(FK_ODE_AT(c, FK_ODE_SLOPE)) * length);
    part = fk_select(part > (fk_real)1e-4, fk_min(part, fk_splat(1)), fk_splat((fk_real)1e-4));
    fk_int done = fk_load_int(FK_ODE_AT(c, FK_ODE_DONE));
    fk_store(FK_ODE_AT(c, FK_ODE_STEP), fk_select(done, fk_splat(0), 5 * part * way));
  }
}

/* Raises the error to the largest change of a state's derivatives between the start and the probe. */
FK_OUTLINE void fk_ode_change(fk_real *c, int n, const fk_real *x, const fk_real *k, fk_real atol,
                              fk_real rtol) {
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_vec worst = fk_load(FK_ODE_AT(c, FK_ODE_ERROR));
    for (int e = 0; e < n; e++) {
      fk_vec first = fk_load(k + (int64_t)e * FK_TILE + v);
      fk_vec second = fk_load(k + (int64_t)(n + e) * FK_TILE + v);
      fk_vec state = fk_load(x + (int64_t)e * FK_TILE + v);
      fk_vec ratio = fk_ode_ratio(second - first, state, atol, rtol);
      worst = fk_select(ratio < FK_INFINITY, fk_max(worst, ratio), fk_splat(FK_INFINITY));
    }
    fk_store(FK_ODE_AT(c, FK_ODE_ERROR), worst);
  }
}

/* The first step from the first two derivatives d of the state in units of what is tolerated and of
 * the way: max(d)^(-1/5), so that a term of order 5 with such a derivative is about 1. Hairer asks for
 * a hundredth of that, but the method's error constants are far below 1. */
FK_OUTLINE void fk_ode_guess(fk_real *c) {
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_vec way = fk_load(FK_ODE_AT(c, FK_ODE_END)) - fk_load(FK_ODE_AT(c, FK_ODE_TIME));
    fk_vec part = fk_load(FK_ODE_AT(c, FK_ODE_STEP)) / (5 * way);
    fk_vec first = fk_load(FK_ODE_AT(c, FK_ODE_SLOPE)) * fk_abs(way);
    fk_vec second = fk_load(FK_ODE_AT(c, FK_ODE_ERROR)) * fk_abs(way) / part;
    fk_vec length = fk_exp((fk_real)-0.2 * fk_log(fk_max(first, second)));
    length = fk_select(length > (fk_real)1e-6, fk_min(length, fk_splat(1)), fk_splat((fk_real)1e-6));
    fk_int done = fk_load_int(FK_ODE_AT(c, FK_ODE_DONE));
    fk_store(FK_ODE_AT(c, FK_ODE_STEP), fk_select(done, fk_splat(0), length * way));
    fk_store(FK_ODE_AT(c, FK_ODE_ERROR), fk_splat(0));
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
      ratio = fk_select(sum * dt == 0, fk_splat(0), ratio); /* none is tolerated, and none made */
      worst = fk_select(ratio < FK_INFINITY, fk_max(worst, ratio), fk_splat(FK_INFINITY));
    }
    fk_store(FK_ODE_AT(c, FK_ODE_ERROR), worst);
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

/* Chooses the next step of each row, of which there are `most` at most; whether one is left. */
FK_OUTLINE int fk_ode_next(fk_real *c, int most) {
  fk_int running = fk_splat_int(0);
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_vec t = fk_load(FK_ODE_AT(c, FK_ODE_TIME)), dt = fk_load(FK_ODE_AT(c, FK_ODE_STEP));
    fk_vec end = fk_load(FK_ODE_AT(c, FK_ODE_END));
    fk_vec error = fk_max(fk_load(FK_ODE_AT(c, FK_ODE_ERROR)), fk_splat((fk_real)1e-9));
    fk_int done = fk_load_int(FK_ODE_AT(c, FK_ODE_DONE)), accepted = ~done & (error < 1);
    /* A step that is a little shorter than the way left can still end at the end by rounding. */
    fk_int last = accepted & ((fk_abs(dt) >= fk_abs(end - t)) | (t + dt == end));
    t = fk_select(last, end, fk_select(accepted, t + dt, t));
    /* The integral part looks back to the last accepted step, so that sizes do not swing between too
     * long and too short; a step after a rejected one is not longer. */
    fk_vec previous = fk_load(FK_ODE_AT(c, FK_ODE_PREVIOUS));
    fk_vec power = (fk_real)-0.17 * fk_log(error);
    power += fk_select(accepted, (fk_real)0.04 * fk_log(previous), fk_splat(0));
    fk_int rejected = fk_load_int(FK_ODE_AT(c, FK_ODE_REJECTED));
    fk_vec bound = fk_select(rejected, fk_splat(1), fk_splat(10));
    dt *= fk_min(fk_max((fk_real)0.9 * fk_exp(power), fk_splat((fk_real)0.1)), bound);
    fk_vec rest = end - t;
    dt = fk_select(fk_abs(dt) > fk_abs(rest), rest, dt);
    done |= last;
    fk_int tried = fk_load_int(FK_ODE_AT(c, FK_ODE_TRIED)) + 1;
    fk_int failed = ~done & ((t + dt == t) | ~fk_is_finite(dt) | (tried >= most));
    done |= failed;
    fk_int count = fk_load_int(FK_ODE_AT(c, FK_ODE_ACCEPTED));
    fk_store(FK_ODE_AT(c, FK_ODE_TIME), t);
    fk_store(FK_ODE_AT(c, FK_ODE_STEP), fk_select(done, fk_splat(0), dt));
    fk_store(FK_ODE_AT(c, FK_ODE_ERROR), fk_splat(0));
    fk_store_int(FK_ODE_AT(c, FK_ODE_DONE), done);
    fk_store_int(FK_ODE_AT(c, FK_ODE_FAILED), fk_load_int(FK_ODE_AT(c, FK_ODE_FAILED)) | failed);
    fk_store_int(FK_ODE_AT(c, FK_ODE_TRIED), tried);
    fk_store_int(FK_ODE_AT(c, FK_ODE_ACCEPTED), count - accepted);
    fk_vec kept = fk_max(error, fk_splat((fk_real)1e-4));
    fk_store(FK_ODE_AT(c, FK_ODE_PREVIOUS), fk_select(accepted, kept, previous));
    fk_store_int(FK_ODE_AT(c, FK_ODE_REJECTED), ~accepted);
    running |= ~done;
  }
  fk_word left = 0;
  for (int i = 0; i < FK_LANES; i++)
    left |= running[i];
  return left != 0;
}

/* How many rows are on their way. */
FK_OUTLINE int fk_ode_moving(const fk_real *c) {
  int count = 0;
  for (int r = 0; r < FK_TILE; r++)
    count += !((const fk_ode_word *)c)[FK_ODE_DONE * FK_TILE + r];
  return count;
}

/* Rows that have failed have no steps; the largest number of steps of a row. */
FK_OUTLINE int fk_ode_end(fk_real *c) {
  fk_word most = 0;
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_int failed = fk_load_int(FK_ODE_AT(c, FK_ODE_FAILED));
    fk_int count = ~failed & fk_load_int(FK_ODE_AT(c, FK_ODE_ACCEPTED));
    fk_store_int(FK_ODE_AT(c, FK_ODE_ACCEPTED), count);
    for (int i = 0; i < FK_LANES; i++)
      most = count[i] > most ? count[i] : most;
  }
  return (int)most;
}

/* Fills a state's part of the record as fk_ode_pause does the other: a state stands still at its end;
 * a row that has failed at 0, so that what it adds to sums over rows is finite, and multiplied by 0.
 * Then the failed rows' states become NaN. */
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

#endif
