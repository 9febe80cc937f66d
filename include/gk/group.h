/* Finite groups of permutations: elements, products, conjugacy classes, cosets. A table in
 * memory. */
#ifndef GK_GROUP_H
#define GK_GROUP_H

#include "gk/base.h"

enum { GK_GROUP_MAX = 1000 }; /* elements */

typedef struct gk_group {
    int n, degree; /* elements; points that they permute */
    int *image;    /* (n,degree): element x takes point i to image[x][i] */
    int *product;  /* (n,n): xy, first x, then y: i -> y(x(i)) */
    int *inverse;  /* (n) */
    int identity;
    int classes;
    int *class_of; /* (n): conjugacy classes, numbered by their first element */
} gk_group;

/* "S5": the permutations of 5 points in lexicographic order; "A5": the even ones; "D7": the
 * symmetries of a polygon of 7 corners, rotations first; "Z113": i -> i + x. GK_EUSAGE where the
 * name is none of these or the group has more than GK_GROUP_MAX elements. */
gk_status gk_group_open(gk_group *group, const char *name);
void gk_group_close(gk_group *group);

/* member[x] = 1 for the elements of the subgroup that these generate; returns how many they are. */
int gk_group_generate(uint8_t *member, const gk_group *group, const int *generator, int generators);

/* coset_of[x]: the coset of the subgroup that x is in, left (x H) or right (H x), numbered by their
 * first element; returns how many there are. */
int gk_group_cosets(int *coset_of, const gk_group *group, const uint8_t *member, bool left);

#endif
