//! Keys and tokens, all public: those of the RFCs, and tokens that OpenSSL signed with the RFCs' keys.

/// RFC 7515 A.2.1: the modulus; the exponent is `AQAB`.
pub(super) const RSA_N: &str = "\
    ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SF\
    d2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo\
    7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkM\
    Ls91kzk2PAcDTW9gb54h4FRWyuXpoQ";
/// RFC 7515 A.2.1: the private key as PKCS #8.
pub(super) const RSA_PKCS8: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQCh-BYK4uPJtGXOjS1lYmM2K5J9vinh8CR3_BYlzJChNuOL2TSXxbbq\
    Y913EeZ8dCn5VrD7io8ImtxLaYk8wTM_U-3QGbh3hCUv7JFP5IV3aVlL6kKA0ywPVb9ilE8TA5a8bpvfbr3SvaNnjuygxmj3AbONv_s4\
    yDQs4v5tJ_reSlpIdJed1LnPmt7Ex1sFhSwsD174pcF1A5L5ROjtZMEQxrZHYJqkeDrrnGya11UxMFBji4NmXG9veoKjlnAqH2QbgtPr\
    8jkiGUkftoaHLFcW9Qr4NY2ai50Xw0Byj3-H2JoY2PyrZ62EWQwuz3WTOTY8BwNNb2BvniHgVFbK5emhAgMBAAECggEAEq5xpGnNCivD\
    flJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0\
    BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjud\
    U2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0\
    QU91p1DhOVRuOopznQKBgQDgHMQQ60imZV1URk0KpLttoLhyt3SmqdEf_kgHePDdtzEafpAu-cS191R2JiuoF2yzWXnwFDcqGigp5BNr\
    0AHQfD8_Lk8l1Mk09jxxCfui5nYooNyac8YFjm3vItzVCVDnEd3BbVWG8qf6deqElMGAg-C2V0L4oNXnP7LZcPAZRwKBgQC5A8R-CZW2\
    MvRTLLHzwZkUXV866cff7tx6kqa0finGG0KgeqlaZPxgCZnFp7AeAcCMtiynVlJ7vMVgePsLq6XtON4tB5kP9jAPrq3rbAOal78eUH5O\
    cED6eNuCV8ixEu1eWcPNCS_l1OW1EnXUEoEHKl54Xrrz2uNwkgMTP1FZ1wKBgAcCn1dwJKufzBWQxWQp1vsM5fggqPN1qGb5y0MAk3g7\
    _Ls5bkUp5u9SN0Ai3Ya6hNnvWJMb7sXQX6U_zyO2M_hTip7tUeh7CXgwo59dkpN75gJLVds29-DAncu3KXU4f2Fa-7bLNrur53k8KwPO\
    q2bbuTG69QtV7Jr5MR0AHWKNAoGBAIf_evpitUf-4JYbLpvNXWcY052Mpz22aR84mY3nh3F2LF2mjMJDpTg7FmuyPcVw6EcGyoAe9fa6\
    5iNqCq-jdw6PVNGo2hxfjSiZ8IIzHdsPXI89__pMjZcQK9r-CCoRjaZjOYiIDktVWZzmevJuv6WywUqd57LE3Zar3dLSIkx1AoGAIYd7\
    DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuM9sQLdgjVk2oy26F0EmpScGLq2MowX7fhd_QJQ3ydy5cY7YIBi87w93IKLEdfnb\
    JtoOPLUW0ITrJReOgo1cq9SbsxYawBgfp_gh6A5603k2-ZQwVK0JKSHuLFkuQ3U";
/// RFC 7515 A.2: RS256.
pub(super) const RS256: &str = "\
    eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb29\
    0Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5\
    jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0Gar\
    ZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq\
    Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
/// RFC 7515 A.3.1.
pub(super) const EC_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
/// RFC 7515 A.3.1.
pub(super) const EC_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
/// RFC 7515 A.3.1: the private key as PKCS #8.
pub(super) const P256_PKCS8: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LKhRANCAAR_zc4n\
    cPbEXUGDy-5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt-hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt";
/// RFC 7515 A.3: ES256.
pub(super) const ES256: &str = "\
    eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb29\
    0Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// RFC 8037 A.2.
pub(super) const ED25519_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// RFC 8037 A.1: the private key as PKCS #8.
pub(super) const ED25519_PKCS8: &str = "\
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";
/// RFC 8037 A.4: EdDSA.
pub(super) const EDDSA: &str = "\
    eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbh\
    ijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
/// The same, with the order of the group added to the second half.
pub(super) const EDDSA_MALLEABLE: &str = "\
    eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6KLa6\
    _pyZkOh9Vg8wkiO1VhVsPt9g7sVvpAr_MuM0KEg";
/// A key on P-384 as PKCS #8.
pub(super) const P384_PKCS8: &str = "\
    MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDBz4dNgMI4cG67HQlYrVIrQWRXvkz8E0WUQNGwEdHKPz49aU7ydmqYImWdl\
    ZU6UQUmhZANiAAQO9lmn1-VQZuRWMVlWUCZBU6T7xb_Zs9ain7MyXCIYsqo4cDwKRKuO4jRO127WfbK7hsYiun0-ixmO9gNDQ3q4ChNd\
    TqdEdI5p6I8z1jZzch8Is2n3YtH-8lNlPaN9bsE";
/// Its public part.
pub(super) const P384_X: &str = "\
    DvZZp9flUGbkVjFZVlAmQVOk-8W_2bPWop-zMlwiGLKqOHA8CkSrjuI0Ttdu1n2y";
/// Its public part.
pub(super) const P384_Y: &str = "\
    u4bGIrp9PosZjvYDQ0N6uAoTXU6nRHSOaeiPM9Y2c3IfCLNp92LR_vJTZT2jfW7B";
/// By the RSA key.
pub(super) const RS384: &str = "\
    eyJhbGciOiJSUzM4NCJ9.eyJpc3MiOiJqb2UifQ.P1q7bTneKArFa9fvkFTGu7Ukr3rtZBiO0Z7u-SQDF-WvgbUdb7i3H8wtK6h38b7f\
    Wf80vZnQX1Ls-WZJ6gLlgpltyaDPgbIyGd5IjDEw9IdCESbUdqQzC1KM4X6aU40Es7yzRFaUPnxaq4cBnVt_ZFeE-v0UDdZX8WSGknlU\
    6pXTqCnlFh2HFhpl7XH0hBKOaAEhwKA_20VGq3Qs0I5rZJLAHcALfpx6H11ZL3iVrZuPLh7rzp0YFjSVvWkC47ivs1UC83nVE7NpPlfx\
    f76onllZf7UI4siMpy2XkaeJmoqS9xlQRZZQ37SvDmRensX4CY39RliLvvQMfmKaHpI5KA";
/// By the RSA key.
pub(super) const RS512: &str = "\
    eyJhbGciOiJSUzUxMiJ9.eyJpc3MiOiJqb2UifQ.Ruv700gLd6NRaP1kXhebjRM0nCyGMM5bvr2JT9mFAMjX4wX8VtmUDksYm6RfeMfk\
    -CVpGpWbkfBbDNWdMQWSq7YRIREJVOHWgsXMzWBfIFKR9hJROQSawYe6Y9DdMIqkiTHJwG7NA_rQ0dSj46Uc8iESFFvckBI96MYtKOKS\
    XoNxM31NkerlMo8M9V16r1ZZtD5_iuP0inP7uhHWszxgUUa8j7mJRpvWtMVI_d42UegCYxxoHB_O0By6vMykFkrH_R88NqjFATHukUsw\
    z-Us0XOFcDCs2wZyQKro6JncNmgYn2nRjGdqIW_ytGuf6OI9AqAtGiHW-ThRgUnRc1q9lA";
/// By the RSA key.
pub(super) const PS256: &str = "\
    eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJqb2UifQ.lAYzXAmmP16UxymDpgzelFgDnFa3IaLt0qwvGRo1QwlEMPjVOzB0NdkNfN7As-yn\
    C0OF7wh4Mg8z3PbGEcGrCOLZJO1QEHxC6ca65cHCqrJgYQ2za5juhxgYt8wB8a1XTe1fg8TVrQ5TrGbKVLh4CnNSHY6gub9GIFDIDHEK\
    onvPIf0r6yUwkFAOoU_AXtUYObRX9okr9oj7cCNRL921sWBBq-6zWDVnvMFGPJnooa1WY0lkcqhhRERBHJrQdyIoOBrQ-ajzpEnFh3CI\
    9FHgYNWboGQJGV7_-kqJA_lnLa7gdncwJ1v1yxMDQiTRsF_8x2qZpG-SZossu1EDwATORg";
/// By the RSA key.
pub(super) const PS384: &str = "\
    eyJhbGciOiJQUzM4NCJ9.eyJpc3MiOiJqb2UifQ.H8yr0xkk_cB6ZvF80UzbDHKSa8Jdvnl38d0Das36BJQwXRAgilZVnvGobArOGDcH\
    qCBvKIxRrZU8uPDG90YS-4l2asn4hGqAvY62yMSvnO8j-ZBH1lzPySoGd6XdlpDpGnOSzzD1xmLQonbilodtwnaiYC6l_lXBICSF4q5M\
    dLBuo5QAzLXEyD0dXtdBU7Gkhcn-aKeHW8xeFlbnpbdwXZauOYH-vanpmTOQW0_KbMQnnWJNvbJLAppOvOaWvPaT9U-rariI_nn8mZXE\
    SPyTvTVj4h1uhbsliR5ojVi6jO4zNJAPLc4Z1QMwbRnjYNz-d0Rda0Pr4pZ_xx7c7PIDgg";
/// By the RSA key.
pub(super) const PS512: &str = "\
    eyJhbGciOiJQUzUxMiJ9.eyJpc3MiOiJqb2UifQ.ijMEHd9Sxt6wMVqHY9ycEYNOKxRKy88KQlUmf0DO5VQCKPnSNBEpLoBhoeiRo6a4\
    yLsTI3238EhzA6YdSKzk-ZbtZiEzPmaEUiS6sD_d0ZEKtajS1apMtU6MX9OhN-HyQAPXib9i3AK93cjFnTwM2brrbb78eS3NY-ViF5rF\
    nnP6Dx_yGG7sCe7xO2MnCekpqXHO1k4Z8vbey3YGYO8fGx7aCkDwUOrTDypFDGMr7YG-6s9it9oxUlQDORhGPuMFPVwl0xf30uhvJ5Tm\
    8fja43Fl2C7IilEjYWKv5Q9-Iw398yo1WS2D3wT3sMAj_eFJuAZXjV6pzizvQou3h368Qg";
/// By the RSA key, with a salt of 20 bytes in place of 32.
pub(super) const PS256_SHORT_SALT: &str = "\
    eyJhbGciOiJQUzI1NiJ9.eyJpc3MiOiJqb2UifQ.iXdKwTufewrk4ApSocCKTXeKQnt5N3CN30DqeMO06pXdrTDfAhFtSb0f4APZcyfd\
    f4sP9f0i7PQZKoMsxWcn6Vxxg7l_N_eGUN_3tv3dsFx5rs_Az0JHg0f5V-DzE8pDBqIqr5WPfI8El2K3cQHUG2OMBSK37MFwUywAPSZk\
    jFVkUi_W9NLt27pmZcbuN2eEFYeQ5zidCgIPDTG-Wqg1_RN9S0G8Eceykl15XclLbKzdDgttVTRe3gSo-Slu5hv6VDSu14uHYVa_psO2\
    3V0vp-cQB6IO9SH5JmAbjBsl4eHXyjD7xm0g8w4ItkR5a47BU4_KIc80WbEjTByZx6Yimw";
/// By the key on P-384.
pub(super) const ES384: &str = "\
    eyJhbGciOiJFUzM4NCJ9.eyJpc3MiOiJqb2UifQ.B7_faEOv3xZQsEAEniTXDxR4ZwUXE3L5NZaV7wVdF7CrAjSOBwxxVM8UTrmrNwwa\
    -kbjkABug0JxhGlF-m2Gc_iSpslZu6CZJm7dUJ0JeuiaPnsF6kD-3p9CiUWbcmbm";
/// An RSA key of 1024 bits as PKCS #8.
pub(super) const RSA1024_PKCS8: &str = "\
    MIICdwIBADANBgkqhkiG9w0BAQEFAASCAmEwggJdAgEAAoGBANgK3nZqnGh_YpkkcPdBaXklVH6DU5lJHIWmOiBcA3DBP7yt5F2_Mbz9\
    8Rd0WGmg1jSYM7mZblTbLF_iWBaULykvAovBlhkbCdfC3LTcnVrUm_Fwv_ss6fBCrEuREuVnJEKE2rDa_5K66h3IQ-qd-qwZlazH3h36\
    kMMLlQAmI_8lAgMBAAECgYAs4b0rnqRVtTkXlZF-XHF8AHxYOBIzAxRQ06K5vEPetdb27K1HqIO9vofKlpoTf51gmcoNIcnhCRNj7BLe\
    xfQx2WFndbBES94BEADUMqIo6M-CoXkZ79tTjP0SC9lXE7ZaHawXn5zIk78V0O3ciw8tDYSX8o611zoBMsMS_maY1QJBAO1iWpI2JpNj\
    EevspbZ4Q7NsGNCto5cohoN6fPL5yMDMdCbBKC_YzzY2UioaZGaCvqAQMTZ7BxjvMgcLi5iilgMCQQDo_BDJPkDI2pg5UOPH9HmU5DG7\
    Zasblr3ryHkkP62GOEId-nKBcG30qRYFK4Is8bYRkUNmsT6-letoOWXInEG3AkEAkMfS26ghQPVEgfL0YuTYzb6ZJ_UveErkN55mRL8p\
    vMU19kkKnJwMTVE2La2pHIiTgQY_La49duy0Q228N1y6RwJALPTmsE5o5dj4YqbvLRhJladqyURW_h3aS_MFHS-EZk_YwjwfeEafkQRH\
    kXvRxKZngYBMRzaQauo24Iei0lEEhQJBAJd13pXuuQ2HLXZxYt45B6dqJEIlUPbdl2JHiwEq6qPBoIn-Z8NDJsd2gCgcHCdZd6bphhg4\
    ay6o51oeClKS7O0";
/// RFC 7517 A.1 and RFC 7638 section 3.1: the modulus of the RSA key.
pub(super) const OTHER_RSA_N: &str = "\
    0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF\
    V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9\
    c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1\
    jF44-csFCur-kEgU8awapJzKnqDKgw";
/// RFC 7638 section 3.1: its thumbprint.
pub(super) const OTHER_RSA_THUMBPRINT: &str = "\
    NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
/// A key on P-521 as PKCS #8.
pub(super) const P521_PKCS8: &str = "\
    MIHuAgEAMBAGByqGSM49AgEGBSuBBAAjBIHWMIHTAgEBBEIBFGjVnnvMfLnnPKpIqlRqYV_Z76TIPX51EBFCE34KiJJ-1Ok0iV4Y3v3-\
    nxZ1ApV24YdrqMosbPUYFOt0uRj9ciehgYkDgYYABACMiqocBPEIEp32z-SM40hy8U2DXJjBMPw21Fi31aVw0zMmcWvXErFHfUI9TkgR\
    E79yhVvIZMRqsIGb2pPz_z0FKQAXmmoPZ4imqvJLZ9iTEZxTWbDiC2N3SM17rdtwzZCJvg9sfl0J6REhzr37-Cf96m_hIEDDs2AFYe0L\
    vE0MyqyQqg";
/// Its point.
pub(super) const P521_X: &str =
    "AIyKqhwE8QgSnfbP5IzjSHLxTYNcmMEw_DbUWLfVpXDTMyZxa9cSsUd9Qj1OSBETv3KFW8hkxGqwgZvak_P_PQUp";
/// Its point.
pub(super) const P521_Y: &str =
    "ABeaag9niKaq8ktn2JMRnFNZsOILY3dIzXut23DNkIm-D2x-XQnpESHOvfv4J_3qb-EgQMOzYAVh7Qu8TQzKrJCq";
/// ES512 by OpenSSL.
pub(super) const ES512: &str = "\
    eyJhbGciOiJFUzUxMiJ9.eyJzdWIiOiIyNDgyODk3NjEwMDEifQ.ADKW3IMRtjmqEMRjPjkvCJIM9yMp40iiKYAfJu900czCb9BFmBEG\
    cxFcdKJU3IEq8TEyXGzp_FeHSr-qIa6eFhJOAIv46GnI1rWK1wl2DU3bbzovtpvzX5Wt_NoOsxLVChFPEFGwTKH4fvNkeYqCZP_TVC9I\
    f4L6clLgNC1_0RcDKjNA";
