<?php
// app/Support/WachatSignature.php
declare(strict_types=1);

namespace App\Support;

/** Checks that a push comes from your gateway: Standard Webhooks, https://www.standardwebhooks.com */
final class WachatSignature
{
    private const AGE_SECONDS_MAX = 5 * 60;

    /**
     * @param string $secret the whsec_... text that `wachat push show` prints
     * @param string $body the body as it came, byte for byte
     */
    public static function isGood(
        string $secret,
        string $id,
        string $sentAt,
        string $signatures,
        string $body,
        int $now,
    ): bool {
        [$prefix, $encoded] = explode('_', $secret, 2) + ['', ''];
        $key = base64_decode($encoded, true);
        if ($prefix !== 'whsec' || !$key) {
            throw new \RuntimeException('WACHAT_PUSH_SECRET is not whsec_ and base64');
        }
        if (!ctype_digit($sentAt) || abs($now - (int) $sentAt) > self::AGE_SECONDS_MAX) {
            return false;
        }
        $wanted = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$sentAt.$body", $key, true));
        foreach (explode(' ', $signatures) as $given) {
            if (hash_equals($wanted, $given)) {
                return true;
            }
        }
        return false;
    }
}
