<?php
// Receives the messages that a Push URL is sent, checks their signature and appends them to a file.
// Run: WACHAT_PUSH_SECRET=whsec_... php -S 127.0.0.1:5000 receiver.php
declare(strict_types=1);

const FIELDS = [
    'id', 'gateway_number', 'originator', 'receive_date', 'msg',
    'type', 'media_url', 'file_name', 'is_group', 'group_id', 'name', 'about', 'sent_date', 'media_pending',
];
const AGE_SECONDS_MAX = 5 * 60;

function answer(int $status, string $text): never
{
    http_response_code($status);
    header('Content-Type: text/plain; charset=utf-8');
    exit($text);
}

// Standard Webhooks, https://www.standardwebhooks.com
function isSigned(string $key, string $body): bool
{
    $event = $_SERVER['HTTP_WEBHOOK_ID'] ?? '';
    $sentAt = $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] ?? '';
    if (!ctype_digit($sentAt) || abs(time() - (int) $sentAt) > AGE_SECONDS_MAX) {
        return false;
    }
    $wanted = 'v1,' . base64_encode(hash_hmac('sha256', "$event.$sentAt.$body", $key, true));
    foreach (explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE'] ?? '') as $given) {
        if (hash_equals($wanted, $given)) {
            return true;
        }
    }
    return false;
}

// A file may still be on its way, and a message that cannot be read may still come: both are pushed again.
function isComplete(array $message): bool
{
    return ($message['media_pending'] ?? '') !== 'true' && $message['type'] !== 'unreadable';
}

// Appends the message, unless it is there; the last line with its id counts. Requests that come at once wait for each other.
function keep(array $message): void
{
    $inbox = fopen(getenv('WACHAT_INBOX') ?: 'inbox.jsonl', 'a+b');
    flock($inbox, LOCK_EX) || throw new RuntimeException('the inbox cannot be locked');
    $lines = explode("\n", stream_get_contents($inbox, -1, 0));
    // A line that a crash cut short was never answered with ok: its message comes again.
    ftruncate($inbox, ftell($inbox) - strlen(array_pop($lines)));
    $known = null;
    foreach ($lines as $line) {
        $kept = json_decode($line, true);
        $known = $kept['id'] === $message['id'] ? $kept : $known;
    }
    // A late try of an earlier push never replaces what is complete.
    if ($known && ($known === $message || isComplete($known) || $message['type'] === 'unreadable')) {
        return;
    }
    $flags = JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE | JSON_THROW_ON_ERROR;
    $line = json_encode($message, $flags) . "\n";
    if (fwrite($inbox, $line) !== strlen($line) || !fsync($inbox)) {
        throw new RuntimeException('the inbox cannot be written');
    }
}

// Every warning becomes an exception: a message that could not be kept must not be answered with ok.
set_error_handler(fn ($level, $text, $file, $line) => throw new ErrorException($text, 0, $level, $file, $line));
try {
    [$prefix, $encoded] = explode('_', getenv('WACHAT_PUSH_SECRET') ?: '', 2) + ['', ''];
    $key = base64_decode($encoded, true);
    if ($prefix !== 'whsec' || !$key) {
        answer(500, "WACHAT_PUSH_SECRET is not set to whsec_ and base64\n");
    }
    if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
        header('Allow: POST');
        answer(405, "this address takes POST\n");
    }
    // The signature is of the body as it came, not of the form that PHP made from it.
    if (!isSigned($key, file_get_contents('php://input'))) {
        answer(401, "the signature is wrong\n");
    }
    $message = [];
    foreach (FIELDS as $field) {
        $message[$field] = $_POST[$field] ?? '';
    }
    if ($message['id'] === '') {
        answer(400, "the id is missing\n");
    }
    keep($message);
    answer(200, 'ok');
} catch (Throwable $error) {
    error_log($error->getMessage());
    answer(500, "the message could not be kept\n");
}
