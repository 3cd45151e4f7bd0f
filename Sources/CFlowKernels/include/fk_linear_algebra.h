/* Dense linear algebra on small matrices: exponentials, Cholesky factors, triangular systems. */
#ifndef FK_LINEAR_ALGEBRA_H
#define FK_LINEAR_ALGEBRA_H
#include "fk_vector.h"

/* c = a b for n x n matrices; blocks of zeros in a cost nothing. */
FK_OUTLINE void fk_matrix_product(const double *a, const double *b, double *c, int n) {
  for (int i = 0; i < n; i++) {
    double *restrict out = c + (int64_t)i * n;
    for (int j = 0; j < n; j++)
      out[j] = 0;
    for (int k = 0; k < n; k++) {
      double x = a[(int64_t)i * n + k];
      const double *in = b + (int64_t)k * n;
      if (x != 0)
        for (int j = 0; j < n; j++)
          out[j] += x * in[j];
    }
  }
}

/* Solves a x = b in place of b by Gaussian elimination with partial pivoting; a is overwritten. */
FK_OUTLINE void fk_matrix_solve(double *a, double *b, int n) {
  for (int k = 0; k < n; k++) {
    int pivot = k;
    for (int i = k + 1; i < n; i++)
      if (__builtin_fabs(a[(int64_t)i * n + k]) > __builtin_fabs(a[(int64_t)pivot * n + k]))
        pivot = i;
    for (int j = 0; pivot != k && j < n; j++) {
      double x = a[(int64_t)k * n + j], y = b[(int64_t)k * n + j];
      a[(int64_t)k * n + j] = a[(int64_t)pivot * n + j];
      b[(int64_t)k * n + j] = b[(int64_t)pivot * n + j];
      a[(int64_t)pivot * n + j] = x;
      b[(int64_t)pivot * n + j] = y;
    }
    for (int i = k + 1; i < n; i++) {
      double factor = a[(int64_t)i * n + k] / a[(int64_t)k * n + k];
      if (factor == 0)
        continue;
      for (int j = k + 1; j < n; j++)
        a[(int64_t)i * n + j] -= factor * a[(int64_t)k * n + j];
      for (int j = 0; j < n; j++)
        b[(int64_t)i * n + j] -= factor * b[(int64_t)k * n + j];
    }
  }
  for (int k = n - 1; k >= 0; k--) {
    for (int i = k + 1; i < n; i++) {
      double x = a[(int64_t)k * n + i];
      for (int j = 0; j < n; j++)
        b[(int64_t)k * n + j] -= x * b[(int64_t)i * n + j];
    }
    for (int j = 0; j < n; j++)
      b[(int64_t)k * n + j] /= a[(int64_t)k * n + k];
  }
}

/* exp of an n x n matrix by scaling and squaring of Padé approximants, in double whatever the type:
 * N. J. Higham, "The scaling and squaring method for the matrix exponential revisited", SIAM J.
 * Matrix Anal. Appl. 26, 2005: degrees, bounds of the norm and coefficients are from there. `work`
 * has room for 6 n n doubles. A matrix with infinities or NaN has an exponential of NaN. */
FK_OUTLINE void fk_matrix_exponential(const fk_real *matrix, int n, double *work, fk_real *out) {
  static const double c3[] = {120, 60, 12, 1};
  static const double c5[] = {30240, 15120, 3360, 420, 30, 1};
  static const double c7[] = {17297280, 8648640, 1995840, 277200, 25200, 1512, 56, 1};
  static const double c9[] = {17643225600.0, 8821612800.0, 2075673600.0, 302702400, 30270240,
                              2162160,       110880,       3960,         90,        1};
  static const double c13[] = {
      64764752532480000.0, 32382376266240000.0, 7771770303897600.0, 1187353796428800.0,
      129060195264000.0,   10559470521600.0,    670442572800.0,     33522128640.0,
      1323241920.0,        40840800.0,          960960,             16380,
      182,                 1};
  static const double *const coefficients[] = {c3, c5, c7, c9, c13};
  static const int degrees[] = {3, 5, 7, 9, 13};
  static const double bounds[] = {1.495585217958292e-2, 2.539398330063230e-1, 9.504178996162932e-1,
                                  2.097847961257068, 5.371920351148152};
  const int64_t nn = (int64_t)n * n;
  double *a = work, *square = a + nn, *power = square + nn, *even = power + nn, *odd = even + nn,
         *next = odd + nn, norm = 0;
  for (int64_t i = 0; i < nn; i++)
    a[i] = (double)matrix[i];
  for (int j = 0; j < n; j++) {
    double sum = 0;
    for (int i = 0; i < n; i++)
      sum += __builtin_fabs(a[(int64_t)i * n + j]);
    norm = sum > norm || sum != sum ? sum : norm;
  }
  if (!(norm - norm == 0)) {
    for (int64_t i = 0; i < nn; i++)
      out[i] = (fk_real)__builtin_nan("");
    return;
  }
  int squarings = 0, which = 0;
  while (which < 4 && norm > bounds[which])
    which++;
  for (double scaled = norm; scaled > bounds[which]; scaled *= 0.5)
    squarings++;
  for (int s = 0; s < squarings; s++)
    for (int64_t i = 0; i < nn; i++)
      a[i] *= 0.5;
  const double *c = coefficients[which];
  fk_matrix_product(a, a, square, n);
  for (int64_t i = 0; i < nn; i++) {
    double one = i % (n + 1) == 0;
    even[i] = c[0] * one + c[2] * square[i];
    odd[i] = c[1] * one + c[3] * square[i];
    power[i] = square[i];
  }
  for (int k = 4; k < degrees[which]; k += 2) {
    fk_matrix_product(power, square, next, n);
    for (int64_t i = 0; i < nn; i++) {
      power[i] = next[i];
      even[i] += c[k] * next[i];
      odd[i] += c[k + 1] * next[i];
    }
  }
  fk_matrix_product(a, odd, next, n);
  for (int64_t i = 0; i < nn; i++) {
    square[i] = even[i] - next[i];
    power[i] = even[i] + next[i];
  }
  fk_matrix_solve(square, power, n);
  for (int s = 0; s < squarings; s++) {
    fk_matrix_product(power, power, next, n);
    double *other = power;
    power = next;
    next = other;
  }
  for (int64_t i = 0; i < nn; i++)
    out[i] = (fk_real)power[i];
}

/* The lower triangular factor of a positive definite matrix, from its lower triangle; NaN from the
 * first column on that shows that it is not. Sums are made in double. */
FK_OUTLINE void fk_cholesky(const fk_real *a, int n, fk_real *lower) {
  for (int64_t i = 0; i < (int64_t)n * n; i++)
    lower[i] = 0;
  for (int j = 0; j < n; j++)
    for (int i = j; i < n; i++) {
      double sum = (double)a[(int64_t)i * n + j];
      for (int k = 0; k < j; k++)
        sum -= (double)lower[(int64_t)i * n + k] * (double)lower[(int64_t)j * n + k];
      if (i == j)
        lower[(int64_t)i * n + i] =
            (fk_real)(sum > 0 ? __builtin_sqrt(sum) : __builtin_nan(""));
      else
        lower[(int64_t)i * n + j] = (fk_real)(sum / (double)lower[(int64_t)j * n + j]);
    }
}

/* Forward or backward substitution for each of some vectors; the matrix of the next vector is `step`
 * numbers further. */
FK_OUTLINE void fk_triangular_solve(const fk_real *a, int64_t step, const fk_real *b, fk_real *x,
                                    int vectors, int n, int upper, int unit) {
  for (int m = 0; m < vectors; m++, a += step, b += n, x += n)
    for (int s = 0; s < n; s++) {
      int i = upper ? n - 1 - s : s;
      double sum = (double)b[i];
      for (int j = upper ? i + 1 : 0; j < (upper ? n : i); j++)
        sum -= (double)a[(int64_t)i * n + j] * (double)x[j];
      x[i] = (fk_real)(unit ? sum : sum / (double)a[(int64_t)i * n + i]);
    }
}

/* The same for the rows of a tile. The matrices are uniform, or with `by_row` tile elements. */
FK_INLINE void fk_solve_tile_any(const fk_real *a, int by_row, int64_t step, const fk_real *b,
                                 fk_real *x, int vectors, int n, int upper, int unit) {
  const int64_t size = by_row ? FK_TILE : 1;
  for (int m = 0; m < vectors; m++, a += step * size, b += n * FK_TILE, x += n * FK_TILE)
    for (int s = 0; s < n; s++) {
      int i = upper ? n - 1 - s : s;
      const fk_real *row = a + (int64_t)i * n * size;
      fk_vec sum[FK_TILE / FK_LANES];
      FK_UNROLL
      for (int v = 0; v < FK_TILE / FK_LANES; v++)
        sum[v] = fk_load(b + (int64_t)i * FK_TILE + v * FK_LANES);
      for (int j = upper ? i + 1 : 0; j < (upper ? n : i); j++) {
        FK_UNROLL
        for (int v = 0; v < FK_TILE / FK_LANES; v++) {
          fk_vec w = by_row ? fk_load(row + (int64_t)j * FK_TILE + v * FK_LANES) : fk_splat(row[j]);
          sum[v] -= w * fk_load(x + (int64_t)j * FK_TILE + v * FK_LANES);
        }
      }
      FK_UNROLL
      for (int v = 0; v < FK_TILE / FK_LANES; v++) {
        fk_vec w = by_row ? fk_load(row + (int64_t)i * FK_TILE + v * FK_LANES) : fk_splat(row[i]);
        fk_store(x + (int64_t)i * FK_TILE + v * FK_LANES, unit ? sum[v] : sum[v] / w);
      }
    }
}
FK_OUTLINE void fk_solve_tile(const fk_real *a, int64_t step, const fk_real *b, fk_real *x,
                              int vectors, int n, int upper, int unit) {
  fk_solve_tile_any(a, 0, step, b, x, vectors, n, upper, unit);
}
FK_OUTLINE void fk_solve_tile_rows(const fk_real *a, int64_t step, const fk_real *b, fk_real *x,
                                   int vectors, int n, int upper, int unit) {
  fk_solve_tile_any(a, 1, step, b, x, vectors, n, upper, unit);
}
#endif
