/* The f32 matrix product, for each instruction set.

   product.inc holds all of it in terms of a few operations on vectors; this file says what these are in each set and
   includes product.inc once for each. In the plain set the vectors are those of the compiler, of 16 bytes, which it
   turns into SSE2, NEON or the like. */

#include "product.h"

#include <string.h>

#define PASTE_EXPANDED(x, y) x##_##y
#define PASTE(x, y) PASTE_EXPANDED(x, y)
#define NAME(x) PASTE(x, SET)
#define APART static __attribute__((noinline))
#define INLINE static inline __attribute__((always_inline))

typedef float vector __attribute__((vector_size(16)));
typedef float vector_in_memory __attribute__((vector_size(16), aligned(4), may_alias));

/* A matrix that is read, or for c written: the first element and the steps between rows and columns. */
typedef struct {
    const float *at;
    int64_t row, column;
} matrix;

typedef struct {
    float *at;
    int64_t row, column;
} result;

static int64_t least(int64_t x, int64_t y) {
    return x < y ? x : y;
}

/* How many elements each of the fewest about equal parts of `whole` has that are no larger than `most`; but for the
   last one they are a multiple of `unit`, as `most` is. */
static int64_t part_of(int64_t whole, int64_t most, int64_t unit) {
    int64_t parts = (whole + most - 1) / most, units = (whole + unit - 1) / unit;
    return (units + parts - 1) / parts * unit;
}

/* Of b at most BLOCK_K rows of BLOCK_N elements are packed at a time: 768 KiB, which leaves room in the second cache of
   most servers. A panel is PANEL_COLUMNS of its columns or fewer, a tile of c at most TILE_ROWS rows of as many
   columns. Scratch holds a block of b and a tile, or else rows of a (pack_rows). */
enum { BLOCK_N = 384, BLOCK_K = 512, PANEL_COLUMNS = 32, TILE_ROWS = 48 };
enum { TILE = BLOCK_K * BLOCK_N, SCRATCH_FLOATS = TILE + TILE_ROWS * PANEL_COLUMNS };

/* How far ahead the cache is asked for rows of b, columns of a and, within a column of b, elements. What is not packed
   may have each row in a page of its own, which the CPU does not foresee, and vectors that lie across two lines. */
enum { ROWS_AHEAD = 4, COLUMNS_AHEAD = 8, ELEMENTS_AHEAD = 64 };

/* From more rows than MANY_ROWS on, if there are also more columns than MANY_COLUMNS, or k is less than that (c is then
   what takes the time, and is written in order): a block of panels is packed at a time, rather than one panel. */
enum { MANY_ROWS = 200, MANY_COLUMNS = 100 };

/* What pack_rows puts between rows: those that are a multiple of a page apart take each other's place in the first
   cache. */
enum { ROW_PADDING = 16 };

/* How many elements of b, about, some rows of a are multiplied with before the next rows are: so many stay in the first
   cache. */
enum { DOT_ELEMENTS = 2048 };

#ifdef SETS_BY_CPU
#include <immintrin.h>

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v4")
#define SET avx512
/* Loaded once: else GCC makes a load of each use. */
#define IN_REGISTER(x) __asm__("" : "+v"(x))
#define LANES 16
#define ROWS 12
#define DOT_ROWS 6
#define VECTOR __m512
#define MASK __mmask16
#define MASK_OF(count) ((__mmask16)((1u << (count)) - 1))
#define ZERO _mm512_setzero_ps()
#define LOAD(from) _mm512_loadu_ps(from)
#define LOAD_MASKED(from, mask) _mm512_maskz_loadu_ps(mask, from)
#define STORE(to, x) _mm512_storeu_ps(to, x)
#define STORE_MASKED(to, mask, x) _mm512_mask_storeu_ps(to, mask, x)
#define BROADCAST(from) _mm512_set1_ps(*(from))
#define ADD(x, y) _mm512_add_ps(x, y)
#define FMA(x, y, z) _mm512_fmadd_ps(x, y, z)

/* Each 4 vectors hold 4x4 blocks in their 4 lanes of 128 bits; these are transposed. */
INLINE void transpose_lanes_avx512(__m512 x[4]) {
    __m512 low = _mm512_unpacklo_ps(x[0], x[1]), high = _mm512_unpackhi_ps(x[0], x[1]);
    __m512 low2 = _mm512_unpacklo_ps(x[2], x[3]), high2 = _mm512_unpackhi_ps(x[2], x[3]);
    x[0] = _mm512_shuffle_ps(low, low2, 0x44);
    x[1] = _mm512_shuffle_ps(low, low2, 0xee);
    x[2] = _mm512_shuffle_ps(high, high2, 0x44);
    x[3] = _mm512_shuffle_ps(high, high2, 0xee);
}

INLINE void transpose_avx512(__m512 x[16]) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        transpose_lanes_avx512(x + 4 * i);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m512 even = _mm512_shuffle_f32x4(x[i], x[i + 4], 0x88), odd = _mm512_shuffle_f32x4(x[i], x[i + 4], 0xdd);
        __m512 even2 = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0x88),
               odd2 = _mm512_shuffle_f32x4(x[i + 8], x[i + 12], 0xdd);
        x[i] = _mm512_shuffle_f32x4(even, even2, 0x88);
        x[i + 4] = _mm512_shuffle_f32x4(odd, odd2, 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(even, even2, 0xdd);
        x[i + 12] = _mm512_shuffle_f32x4(odd, odd2, 0xdd);
    }
}

/* Half of the exchange is done by loading lanes to where they belong, which takes none of the one port that shuffles.
 */
INLINE void load_transposed_avx512(const float *from, int64_t step, __m512 x[16]) {
    const float *from4 = from + 4 * step, *from8 = from + 8 * step, *from12 = from + 12 * step;
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            int64_t at = i + j * step;
            __m512 y = _mm512_castps128_ps512(_mm_loadu_ps(from + at));
            y = _mm512_mask_broadcast_f32x4(y, 0x00f0, _mm_loadu_ps(from4 + at));
            y = _mm512_mask_broadcast_f32x4(y, 0x0f00, _mm_loadu_ps(from8 + at));
            x[i + j] = _mm512_mask_broadcast_f32x4(y, 0xf000, _mm_loadu_ps(from12 + at));
        }
        transpose_lanes_avx512(x + i);
    }
}

/* The sums over each of 4 vectors, in each of the lanes of 128 bits. */
INLINE __m512 sums_in_lanes_avx512(__m512 x0, __m512 x1, __m512 x2, __m512 x3) {
    /* Blends take any port, which is why there are as many of them as shuffles. */
    const __m512i odd = _mm512_setr_epi32(1, 16, 3, 18, 5, 20, 7, 22, 9, 24, 11, 26, 13, 28, 15, 30);
    __m512 x01 = _mm512_add_ps(_mm512_mask_blend_ps(0xaaaa, x0, x1), _mm512_permutex2var_ps(x0, odd, x1));
    __m512 x23 = _mm512_add_ps(_mm512_mask_blend_ps(0xaaaa, x2, x3), _mm512_permutex2var_ps(x2, odd, x3));
    return _mm512_add_ps(_mm512_mask_blend_ps(0xcccc, x01, x23), _mm512_shuffle_ps(x01, x23, 0x4e));
}

INLINE void sums_avx512(const int count, const __m512 *x, vector *sums) {
#pragma GCC unroll 2
    for (int i = 0; i < count; i += 16) {
        __m512 y[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            const __m512 *four = x + i + 4 * j;
            y[j] = i + 4 * j < count ? sums_in_lanes_avx512(four[0], four[1], four[2], four[3]) : _mm512_setzero_ps();
        }
        __m512 y01 = _mm512_add_ps(_mm512_shuffle_f32x4(y[0], y[1], 0x44), _mm512_shuffle_f32x4(y[0], y[1], 0xee));
        __m512 y23 = _mm512_add_ps(_mm512_shuffle_f32x4(y[2], y[3], 0x44), _mm512_shuffle_f32x4(y[2], y[3], 0xee));
        __m512 y0123 = _mm512_add_ps(_mm512_shuffle_f32x4(y01, y23, 0x88), _mm512_shuffle_f32x4(y01, y23, 0xdd));
        sums[i / 4] = (vector)_mm512_castps512_ps128(y0123);
        if (i + 4 < count)
            sums[i / 4 + 1] = (vector)_mm512_extractf32x4_ps(y0123, 1);
        if (i + 8 < count)
            sums[i / 4 + 2] = (vector)_mm512_extractf32x4_ps(y0123, 2);
        if (i + 12 < count)
            sums[i / 4 + 3] = (vector)_mm512_extractf32x4_ps(y0123, 3);
    }
}

#include "product.inc"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")
#define SET avx2
#define IN_REGISTER(x) __asm__("" : "+x"(x))
#define LANES 8
#define ROWS 6
#define DOT_ROWS 3
#define VECTOR __m256
#define MASK __m256i
#define MASK_OF(count) _mm256_cmpgt_epi32(_mm256_set1_epi32((int)(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
#define ZERO _mm256_setzero_ps()
#define LOAD(from) _mm256_loadu_ps(from)
#define LOAD_MASKED(from, mask) _mm256_maskload_ps(from, mask)
#define STORE(to, x) _mm256_storeu_ps(to, x)
#define STORE_MASKED(to, mask, x) _mm256_maskstore_ps(to, mask, x)
#define BROADCAST(from) _mm256_broadcast_ss(from)
#define ADD(x, y) _mm256_add_ps(x, y)
#define FMA(x, y, z) _mm256_fmadd_ps(x, y, z)

/* Each 4 vectors hold 4x4 blocks in their 2 lanes of 128 bits; these are transposed. */
INLINE void transpose_lanes_avx2(__m256 x[4]) {
    __m256 low = _mm256_unpacklo_ps(x[0], x[1]), high = _mm256_unpackhi_ps(x[0], x[1]);
    __m256 low2 = _mm256_unpacklo_ps(x[2], x[3]), high2 = _mm256_unpackhi_ps(x[2], x[3]);
    x[0] = _mm256_shuffle_ps(low, low2, 0x44);
    x[1] = _mm256_shuffle_ps(low, low2, 0xee);
    x[2] = _mm256_shuffle_ps(high, high2, 0x44);
    x[3] = _mm256_shuffle_ps(high, high2, 0xee);
}

INLINE void transpose_avx2(__m256 x[8]) {
    transpose_lanes_avx2(x);
    transpose_lanes_avx2(x + 4);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        __m256 low = _mm256_permute2f128_ps(x[i], x[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(x[i], x[i + 4], 0x31);
        x[i] = low;
    }
}

INLINE void load_transposed_avx2(const float *from, int64_t step, __m256 x[8]) {
    const float *from4 = from + 4 * step;
#pragma GCC unroll 2
    for (int i = 0; i < 8; i += 4) {
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            __m256 y = _mm256_castps128_ps256(_mm_loadu_ps(from + i + j * step));
            x[i + j] = _mm256_insertf128_ps(y, _mm_loadu_ps(from4 + i + j * step), 1);
        }
        transpose_lanes_avx2(x + i);
    }
}

INLINE void sums_avx2(const int count, const __m256 *x, vector *sums) {
#pragma GCC unroll 8
    for (int i = 0; i < count; i += 4) {
        __m256 x01 = _mm256_add_ps(_mm256_unpacklo_ps(x[i], x[i + 1]), _mm256_unpackhi_ps(x[i], x[i + 1]));
        __m256 x23 = _mm256_add_ps(_mm256_unpacklo_ps(x[i + 2], x[i + 3]), _mm256_unpackhi_ps(x[i + 2], x[i + 3]));
        __m256 y = _mm256_add_ps(_mm256_shuffle_ps(x01, x23, 0x44), _mm256_shuffle_ps(x01, x23, 0xee));
        sums[i / 4] = (vector)_mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
    }
}

#include "product.inc"
#pragma GCC pop_options
#endif

#if defined(__aarch64__)
#include <arm_neon.h>
#define FMA(x, y, z) ((vector)vfmaq_f32((float32x4_t)(z), (float32x4_t)(x), (float32x4_t)(y)))
#define ROWS 12
#define DOT_ROWS 6
#else
#define FMA(x, y, z) ((x) * (y) + (z))
#define ROWS 6
#define DOT_ROWS 3
#endif
#define SET plain
#define IN_REGISTER(x) (void)(x)
#define LANES 4
#define VECTOR vector
#define MASK int
#define MASK_OF(count) ((int)(count))
#define ZERO ((vector){0, 0, 0, 0})
#define LOAD(from) ((vector) * (const vector_in_memory *)(from))
#define LOAD_MASKED(from, mask) load_some(from, mask)
#define STORE(to, x) (*(vector_in_memory *)(to) = (x))
#define STORE_MASKED(to, mask, x) store_some(to, mask, x)
#define BROADCAST(from) ((vector){*(from), *(from), *(from), *(from)})
#define ADD(x, y) ((x) + (y))

INLINE vector load_some(const float *from, int count) {
    vector x = {0, 0, 0, 0};
    for (int i = 0; i < count; i++)
        x[i] = from[i];
    return x;
}

INLINE void store_some(float *to, int count, vector x) {
    for (int i = 0; i < count; i++)
        to[i] = x[i];
}

INLINE void transpose_plain(vector x[4]) {
    vector y[4] = {x[0], x[1], x[2], x[3]};
    for (int i = 0; i < 4; i++)
        x[i] = (vector){y[0][i], y[1][i], y[2][i], y[3][i]};
}

INLINE void load_transposed_plain(const float *from, int64_t step, vector x[4]) {
    for (int i = 0; i < 4; i++)
        x[i] = LOAD(from + i * step);
    transpose_plain(x);
}

INLINE void sums_plain(const int count, const vector *x, vector *sums) {
#pragma GCC unroll 8
    for (int i = 0; i < count; i += 4) {
        vector y[4] = {x[i], x[i + 1], x[i + 2], x[i + 3]};
        transpose_plain(y);
        sums[i / 4] = (y[0] + y[1]) + (y[2] + y[3]);
    }
}

#include "product.inc"

size_t product_scratch_bytes(void) {
    return SCRATCH_FLOATS * sizeof(float);
}

product_function product_of(instruction_set set) {
#ifdef SETS_BY_CPU
    static const product_function products[INSTRUCTION_SETS] = {product_plain, product_avx2, product_avx512};
    return products[set];
#else
    (void)set;
    return product_plain;
#endif
}
