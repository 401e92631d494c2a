/* The AES S-box as a boolean circuit over words: bit i of every word belongs to byte i. Boyar and Peralta, "A depth-16
 * circuit for the AES S-box" (2011): 23 gates, the inversion in GF(2^4) tower fields, and 30 gates.
 *
 * A template: HF_SBOX_WORD is the word type (integer or vector), HF_SBOX the name of the function. The constant 0x63
 * of the affine map is left out: the round keys carry it (see aes_lanes.h). p[0] holds the least significant bits. */

static inline __attribute__((always_inline)) void HF_SBOX(HF_SBOX_WORD p[8])
{
    HF_SBOX_WORD x0 = p[7], x1 = p[6], x2 = p[5], x3 = p[4], x4 = p[3], x5 = p[2], x6 = p[1], x7 = p[0];

    /* Into the tower. */
    HF_SBOX_WORD y14 = x3 ^ x5, y13 = x0 ^ x6, y9 = x0 ^ x3, y8 = x0 ^ x5;
    HF_SBOX_WORD t0 = x1 ^ x2;
    HF_SBOX_WORD y1 = t0 ^ x7, y4 = y1 ^ x3, y12 = y13 ^ y14, y2 = y1 ^ x0, y5 = y1 ^ x6, y3 = y5 ^ y8;
    HF_SBOX_WORD t1 = x4 ^ y12;
    HF_SBOX_WORD y15 = t1 ^ x5, y20 = t1 ^ x1, y6 = y15 ^ x7, y10 = y15 ^ t0, y11 = y20 ^ y9, y7 = x7 ^ y11;
    HF_SBOX_WORD y17 = y10 ^ y11, y19 = y10 ^ y8, y16 = t0 ^ y11, y21 = y13 ^ y16, y18 = x0 ^ y16;

    /* Products, then the inverse in GF(2^4). */
    HF_SBOX_WORD t2 = y12 & y15, t4 = (y3 & y6) ^ t2, t6 = (y4 & x7) ^ t2;
    HF_SBOX_WORD t7 = y13 & y16, t9 = (y5 & y1) ^ t7, t11 = (y2 & y7) ^ t7;
    HF_SBOX_WORD t12 = y9 & y11, t14 = (y14 & y17) ^ t12, t16 = (y8 & y10) ^ t12;
    HF_SBOX_WORD t21 = t4 ^ t14 ^ y20, t22 = t6 ^ t16 ^ y19, t23 = t9 ^ t14 ^ y21, t24 = t11 ^ t16 ^ y18;
    HF_SBOX_WORD t25 = t21 ^ t22, t26 = t21 & t23, t27 = t24 ^ t26, t29 = (t25 & t27) ^ t22;
    HF_SBOX_WORD t30 = t23 ^ t24, t31 = t22 ^ t26, t33 = (t31 & t30) ^ t24;
    HF_SBOX_WORD t34 = t23 ^ t33, t35 = t27 ^ t33, t36 = t24 & t35, t37 = t36 ^ t34;
    HF_SBOX_WORD t38 = t27 ^ t36, t40 = t25 ^ (t29 & t38);
    HF_SBOX_WORD t41 = t40 ^ t37, t42 = t29 ^ t33, t43 = t29 ^ t40, t44 = t33 ^ t37, t45 = t42 ^ t41;

    /* Products back. */
    HF_SBOX_WORD z0 = t44 & y15, z1 = t37 & y6, z2 = t33 & x7, z3 = t43 & y16, z4 = t40 & y1, z5 = t29 & y7;
    HF_SBOX_WORD z6 = t42 & y11, z7 = t45 & y17, z8 = t41 & y10, z9 = t44 & y12, z10 = t37 & y3, z11 = t33 & y4;
    HF_SBOX_WORD z12 = t43 & y13, z13 = t40 & y5, z14 = t29 & y2, z15 = t42 & y9, z16 = t45 & y14, z17 = t41 & y8;

    /* Out of the tower, and the affine map's linear part. */
    HF_SBOX_WORD t46 = z15 ^ z16, t47 = z10 ^ z11, t48 = z5 ^ z13, t49 = z9 ^ z10, t50 = z2 ^ z12, t51 = z2 ^ z5;
    HF_SBOX_WORD t52 = z7 ^ z8, t53 = z0 ^ z3, t54 = z6 ^ z7, t55 = z16 ^ z17;
    HF_SBOX_WORD t56 = z12 ^ t48, t57 = t50 ^ t53, t58 = z4 ^ t46, t59 = z3 ^ t54, t60 = t46 ^ t57, t61 = z14 ^ t57;
    HF_SBOX_WORD t62 = t52 ^ t58, t63 = t49 ^ t58, t64 = z4 ^ t59, t65 = t61 ^ t62, t66 = z1 ^ t63, t67 = t64 ^ t65;
    HF_SBOX_WORD s3 = t53 ^ t66;

    p[7] = t59 ^ t63;
    p[6] = t64 ^ s3;
    p[5] = t55 ^ t67;
    p[4] = s3;
    p[3] = t51 ^ t66;
    p[2] = t47 ^ t65;
    p[1] = t56 ^ t62;
    p[0] = t48 ^ t60;
}
