/* The functions of the list that the application gets, in five files: general, session, object, crypt, manage. */
#ifndef HANDFAST_FAULT_FORWARD_H
#define HANDFAST_FAULT_FORWARD_H

#include <p11-kit/pkcs11.h>

void hf_fault_list_general(CK_FUNCTION_LIST *list);
void hf_fault_list_session(CK_FUNCTION_LIST *list);
void hf_fault_list_object(CK_FUNCTION_LIST *list);
void hf_fault_list_crypt(CK_FUNCTION_LIST *list);
void hf_fault_list_manage(CK_FUNCTION_LIST *list);

#endif
