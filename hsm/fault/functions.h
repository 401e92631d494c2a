/* The functions of PKCS#11 2.40 (section 5) in the order of CK_FUNCTION_LIST, each with what a rule may do to its
 * answer. One list; enum, names and properties derive from it. */
#ifndef HANDFAST_FAULT_FUNCTIONS_H
#define HANDFAST_FAULT_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* BYTES: answers bytes of a length of its own, in the manner of section 5.2; FIXED: bytes as many as asked for;
 * PLAIN: no bytes that a rule could change. */
#define FAULT_FUNCTIONS(X)                                                                                             \
    X(C_Initialize, PLAIN)                                                                                             \
    X(C_Finalize, PLAIN)                                                                                               \
    X(C_GetInfo, PLAIN)                                                                                                \
    X(C_GetSlotList, PLAIN)                                                                                            \
    X(C_GetSlotInfo, PLAIN)                                                                                            \
    X(C_GetTokenInfo, PLAIN)                                                                                           \
    X(C_GetMechanismList, PLAIN)                                                                                       \
    X(C_GetMechanismInfo, PLAIN)                                                                                       \
    X(C_InitToken, PLAIN)                                                                                              \
    X(C_InitPIN, PLAIN)                                                                                                \
    X(C_SetPIN, PLAIN)                                                                                                 \
    X(C_OpenSession, PLAIN)                                                                                            \
    X(C_CloseSession, PLAIN)                                                                                           \
    X(C_CloseAllSessions, PLAIN)                                                                                       \
    X(C_GetSessionInfo, PLAIN)                                                                                         \
    X(C_GetOperationState, BYTES)                                                                                      \
    X(C_SetOperationState, PLAIN)                                                                                      \
    X(C_Login, PLAIN)                                                                                                  \
    X(C_Logout, PLAIN)                                                                                                 \
    X(C_CreateObject, PLAIN)                                                                                           \
    X(C_CopyObject, PLAIN)                                                                                             \
    X(C_DestroyObject, PLAIN)                                                                                          \
    X(C_GetObjectSize, PLAIN)                                                                                          \
    X(C_GetAttributeValue, PLAIN)                                                                                      \
    X(C_SetAttributeValue, PLAIN)                                                                                      \
    X(C_FindObjectsInit, PLAIN)                                                                                        \
    X(C_FindObjects, PLAIN)                                                                                            \
    X(C_FindObjectsFinal, PLAIN)                                                                                       \
    X(C_EncryptInit, PLAIN)                                                                                            \
    X(C_Encrypt, BYTES)                                                                                                \
    X(C_EncryptUpdate, BYTES)                                                                                          \
    X(C_EncryptFinal, BYTES)                                                                                           \
    X(C_DecryptInit, PLAIN)                                                                                            \
    X(C_Decrypt, BYTES)                                                                                                \
    X(C_DecryptUpdate, BYTES)                                                                                          \
    X(C_DecryptFinal, BYTES)                                                                                           \
    X(C_DigestInit, PLAIN)                                                                                             \
    X(C_Digest, BYTES)                                                                                                 \
    X(C_DigestUpdate, PLAIN)                                                                                           \
    X(C_DigestKey, PLAIN)                                                                                              \
    X(C_DigestFinal, BYTES)                                                                                            \
    X(C_SignInit, PLAIN)                                                                                               \
    X(C_Sign, BYTES)                                                                                                   \
    X(C_SignUpdate, PLAIN)                                                                                             \
    X(C_SignFinal, BYTES)                                                                                              \
    X(C_SignRecoverInit, PLAIN)                                                                                        \
    X(C_SignRecover, BYTES)                                                                                            \
    X(C_VerifyInit, PLAIN)                                                                                             \
    X(C_Verify, PLAIN)                                                                                                 \
    X(C_VerifyUpdate, PLAIN)                                                                                           \
    X(C_VerifyFinal, PLAIN)                                                                                            \
    X(C_VerifyRecoverInit, PLAIN)                                                                                      \
    X(C_VerifyRecover, BYTES)                                                                                          \
    X(C_DigestEncryptUpdate, BYTES)                                                                                    \
    X(C_DecryptDigestUpdate, BYTES)                                                                                    \
    X(C_SignEncryptUpdate, BYTES)                                                                                      \
    X(C_DecryptVerifyUpdate, BYTES)                                                                                    \
    X(C_GenerateKey, PLAIN)                                                                                            \
    X(C_GenerateKeyPair, PLAIN)                                                                                        \
    X(C_WrapKey, BYTES)                                                                                                \
    X(C_UnwrapKey, PLAIN)                                                                                              \
    X(C_DeriveKey, PLAIN)                                                                                              \
    X(C_SeedRandom, PLAIN)                                                                                             \
    X(C_GenerateRandom, FIXED)                                                                                         \
    X(C_GetFunctionStatus, PLAIN)                                                                                      \
    X(C_CancelFunction, PLAIN)                                                                                         \
    X(C_WaitForSlotEvent, PLAIN)

#define FAULT_ENUMERATOR(name, answer) FAULT_##name,
typedef enum fault_function { FAULT_FUNCTIONS(FAULT_ENUMERATOR) FAULT_FUNCTIONS_N } fault_function;

typedef enum fault_answer { FAULT_PLAIN, FAULT_BYTES, FAULT_FIXED } fault_answer;

#endif
