/* Solutions of an ordinary differential equation for the rows of several tiles. What the tiles hold
 * is saved; their rows take the lanes of one tile, a row that is done gives its lane to the next, and
 * once few are left they go on in one vector. A lane's arithmetic is its own, so a row's bits do not
 * depend on when it came or which lane it took. */
#ifndef FK_ODE_GROUP_H
#define FK_ODE_GROUP_H
#include "fk_driver.h"
#include "fk_ode.h"

#define FK_ODE_GROUP 16 /* tiles */

/* Elements that are saved: where they lie in the scratch memory, and where they are saved. */
typedef struct {
  int32_t scratch, saved, elements;
} fk_ode_span;

typedef struct {
  fk_real *scratch; /* of the tile whose lanes are taken */
  fk_real *saved;   /* the tiles' elements, `size` to a tile */
  int64_t size;
  int64_t rows;
  const fk_ode_span *spans;
  int control;        /* where the control block lies in the scratch memory */
  int outs, ins, all; /* spans of what a row leaves, of what it brings, and of all that is saved */
  int64_t next;       /* the row that comes next */
  int active, width;  /* how many lanes are taken, and how many are computed */
  int32_t row[FK_TILE]; /* of each lane; -1 if it is free */
} fk_ode_group;

/* Runs of groups of tiles: as many as there are groups, but at least one for each thread. */
FK_INLINE int64_t fk_ode_run_count(int64_t tiles, const fk_runs *r) {
  int64_t count = tiles / FK_ODE_GROUP, least = fk_least(tiles, r->count);
  return count < least ? least : fk_least(count, (int64_t)FK_RUNS * r->count);
}

/* How many lanes a tile of some rows is computed in. */
FK_INLINE int fk_ode_width(int64_t rows) { return rows <= FK_LANES ? FK_LANES : FK_TILE; }

FK_OUTLINE void fk_ode_save(const fk_ode_group *g, int64_t tile) {
  for (int i = 0; i < g->all; i++)
    memcpy(g->saved + (tile * g->size + g->spans[i].saved) * FK_TILE,
           g->scratch + (int64_t)g->spans[i].scratch * FK_TILE,
           g->spans[i].elements * FK_TILE * sizeof(fk_real));
}

FK_OUTLINE void fk_ode_restore(const fk_ode_group *g, int64_t tile) {
  for (int i = 0; i < g->all; i++)
    memcpy(g->scratch + (int64_t)g->spans[i].scratch * FK_TILE,
           g->saved + (tile * g->size + g->spans[i].saved) * FK_TILE,
           g->spans[i].elements * FK_TILE * sizeof(fk_real));
}

/* Copies a row of a tile; slots are copied whatever they hold. */
FK_INLINE void fk_ode_copy(const fk_real *from, fk_real *to, int64_t elements) {
  for (int64_t e = 0; e < elements; e++)
    ((fk_ode_word *)to)[e * FK_TILE] = ((const fk_ode_word *)from)[e * FK_TILE];
}

/* The place of a row among what is saved. */
FK_INLINE fk_real *fk_ode_place(const fk_ode_group *g, int64_t row, int span) {
  return g->saved + (row / FK_TILE * g->size + g->spans[span].saved) * FK_TILE + row % FK_TILE;
}

FK_INLINE int fk_ode_is_done(const fk_real *control, int64_t lane) {
  return ((const fk_ode_word *)control)[FK_ODE_DONE * FK_TILE + lane] != 0;
}

/* Leaves a lane free: it stands still. */
FK_INLINE void fk_ode_leave(fk_ode_group *g, int lane) {
  fk_real *control = g->scratch + (int64_t)g->control * FK_TILE;
  ((fk_ode_word *)control)[FK_ODE_DONE * FK_TILE + lane] = -1;
  control[FK_ODE_STEP * FK_TILE + lane] = 0;
  g->row[lane] = -1;
}

/* All lanes are free, and all rows are to come. */
FK_OUTLINE void fk_ode_open(fk_ode_group *g) {
  g->next = 0;
  g->active = 0;
  g->width = FK_TILE;
  for (int lane = 0; lane < FK_TILE; lane++)
    fk_ode_leave(g, lane);
}

/* Rows that are done leave and others come; how many there are. */
FK_OUTLINE int fk_ode_seat(fk_ode_group *g) {
  const fk_real *control = g->scratch + (int64_t)g->control * FK_TILE;
  for (int lane = 0; lane < g->width; lane++) {
    if (g->row[lane] >= 0 && fk_ode_is_done(control, lane)) {
      for (int i = 0; i < g->outs; i++)
        fk_ode_copy(g->scratch + (int64_t)g->spans[i].scratch * FK_TILE + lane,
                    fk_ode_place(g, g->row[lane], i), g->spans[i].elements);
      fk_ode_leave(g, lane);
      g->active--;
    }
    if (g->row[lane] >= 0)
      continue;
    /* The first span is the control block. */
    while (g->next < g->rows &&
           fk_ode_is_done(fk_ode_place(g, g->next / FK_TILE * FK_TILE, 0), g->next % FK_TILE))
      g->next++;
    if (g->next == g->rows)
      continue;
    for (int i = 0; i < g->ins; i++)
      fk_ode_copy(fk_ode_place(g, g->next, i),
                  g->scratch + (int64_t)g->spans[i].scratch * FK_TILE + lane,
                  g->spans[i].elements);
    g->row[lane] = (int32_t)g->next++;
    g->active++;
  }
  if (g->active > FK_LANES || g->width == FK_LANES)
    return g->active;
  /* Nobody is left to come: the rows move to the first vector. */
  for (int lane = FK_LANES, target = 0; lane < FK_TILE; lane++) {
    if (g->row[lane] < 0)
      continue;
    while (g->row[target] >= 0)
      target++;
    for (int i = 0; i < g->ins; i++)
      fk_ode_copy(g->scratch + (int64_t)g->spans[i].scratch * FK_TILE + lane,
                  g->scratch + (int64_t)g->spans[i].scratch * FK_TILE + target,
                  g->spans[i].elements);
    g->row[target] = g->row[lane];
    fk_ode_leave(g, lane);
  }
  g->width = FK_LANES;
  return g->active;
}
#endif
