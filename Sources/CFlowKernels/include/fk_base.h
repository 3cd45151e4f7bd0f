/* Vectors and elementary operations of the tile kernels.
 *
 * Rows are the SIMD lanes: a tile of FK_TILE rows holds element e of a row value as FK_TILE
 * contiguous numbers at base + e * FK_TILE. Only the compiler's vector extensions are used, which
 * GCC and clang lower to AVX-512, AVX2, SSE2 or NEON alike. Compile with -ffp-contract=fast:
 * fused multiply-adds are wanted everywhere. */
#ifndef FK_BASE_H
#define FK_BASE_H
#include <stddef.h>
#include <stdint.h>

#ifdef FK_DOUBLE
typedef double fk_real;
typedef int64_t fk_word;
#define FK_REAL_BYTES 8
#define FK_HALF_DIGITS 27
#else
typedef float fk_real;
typedef int32_t fk_word;
#define FK_REAL_BYTES 4
#define FK_HALF_DIGITS 12
#endif

#if defined(__AVX512F__)
#define FK_BYTES 64
#elif defined(__AVX2__)
#define FK_AVX2 /* and no more: short vectors, sixteen registers, fused multiply-adds */
#define FK_BYTES 32
#else
#define FK_BYTES 16
#endif

/* Whether a fused multiply-add can be asked for where its single rounding is wanted. */
#if defined(__has_builtin) && (defined(__FMA__) || defined(__aarch64__))
#if __has_builtin(__builtin_elementwise_fma)
#define FK_FUSED
#endif
#endif

/* Numbers in a vector, vectors in a block, rows in a tile. Six outputs by FK_VECTORS sums must fit in
 * the registers: 32 with AVX-512 and NEON, 16 with AVX2 and SSE. A tile is a multiple of four vectors,
 * which three outputs or fewer take at a time. FK_MOST_ROWS is set for functions whose calls have so few rows
 * that threads would go without: their tiles are shorter, two vectors at least. */
#define FK_LANES (FK_BYTES / FK_REAL_BYTES)
#ifndef FK_VECTORS
#if defined(__AVX512F__) || defined(__aarch64__)
#define FK_VECTORS 4
#else
#define FK_VECTORS 2
#endif
#endif
#define FK_BLOCK (FK_VECTORS * FK_LANES)
#ifdef __AVX512F__
#define FK_LONG_TILE FK_BLOCK
#else
#define FK_LONG_TILE (4 * FK_BLOCK)
#endif
#if defined(FK_MOST_ROWS) && FK_MOST_ROWS < FK_LONG_TILE
#define FK_TILE FK_MOST_ROWS
#else
#define FK_TILE FK_LONG_TILE
#endif

/* Vectors side by side in a wide vector, for groups that wait for long functions or for lookups: its steps
 * alternate between them, so that few wait for the one before. Sixteen registers do not hold the steps of four,
 * but what is then stored and loaded again takes less time than waiting does. GCC would keep wide vectors in
 * memory. */
#ifndef __clang__
#define FW_VECTORS 1
#elif FK_TILE % (4 * FK_LANES) == 0
#define FW_VECTORS 4
#else
#define FW_VECTORS 2
#endif
#define FW_BYTES (FW_VECTORS * FK_BYTES)
#define FW_LANES (FW_VECTORS * FK_LANES)
#define FK_ALIGNMENT FK_BYTES

#define FK_INLINE static inline __attribute__((always_inline, unused))
#define FK_OUTLINE static __attribute__((noinline, unused))
/* The functions of a flow that others call, in the same file if it is not one of several. */
#ifndef FK_PART
#define FK_PART FK_OUTLINE
#endif
/* Functions that run once for all calls: kept small, since compiling them takes longer than running them. */
#ifdef __clang__
#define FK_ONCE __attribute__((minsize))
#else
#define FK_ONCE
#endif
/* Loops of constant trips, the longest over the 23 coefficients that a polynomial may have: GCC leaves a
 * longer one than it is told of as a loop, which takes twice the time. */
#ifdef __clang__
#define FK_UNROLL _Pragma("clang loop unroll(full)")
#define FK_LOOP _Pragma("clang loop unroll(disable)")
#define FK_SCALAR_LOOP _Pragma("clang loop unroll(disable) vectorize(disable)")
/* A loop over vectors that does little with each: four at a time, since counting takes as long. */
#define FK_SIDE_BY_SIDE _Pragma("clang loop unroll_count(4)")
#else
#define FK_UNROLL _Pragma("GCC unroll 32")
#define FK_LOOP _Pragma("GCC unroll 1")
#define FK_SCALAR_LOOP FK_LOOP
#define FK_SIDE_BY_SIDE _Pragma("GCC unroll 4")
#endif

typedef fk_real fk_register __attribute__((vector_size(FK_BYTES)));
#endif
