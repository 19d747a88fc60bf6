<?php
// app/Http/Controllers/WachatController.php
declare(strict_types=1);

namespace App\Http\Controllers;

use App\Support\WachatSignature;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Support\Facades\DB;

/** Receives the messages that your gateway pushes, and keeps each of them once. */
final class WachatController
{
    private const FIELDS = [
        'id', 'gateway_number', 'originator', 'receive_date', 'msg',
        'type', 'media_url', 'file_name', 'is_group', 'group_id', 'name', 'about', 'sent_date',
        'media_pending',
    ];

    public function __invoke(Request $request): Response
    {
        // The signature is of the body as it came: getContent(), not the form that Laravel made from it, whose empty
        // fields ConvertEmptyStringsToNull and whose spaces TrimStrings have changed.
        $body = $request->getContent();
        $isGood = WachatSignature::isGood(
            (string) config('services.wachat.push_secret'),
            (string) $request->header('webhook-id', ''),
            (string) $request->header('webhook-timestamp', ''),
            (string) $request->header('webhook-signature', ''),
            $body,
            time(),
        );
        if (!$isGood) {
            return response("the signature is wrong\n", 401);
        }
        parse_str($body, $form);
        $message = [];
        foreach (self::FIELDS as $field) {
            $message[$field] = is_string($form[$field] ?? null) ? $form[$field] : '';
        }
        if ($message['id'] === '') {
            return response("the id is missing\n", 400);
        }
        // A message may come more than once: its id is the table's key. An exception here is a 500, and it comes again.
        $isNew = DB::table('wachat_inbox')->insertOrIgnore($message) === 1;
        // A file that was on its way, or a message that could not be read, comes again under its id. A late try of an earlier push
        // never replaces what is complete.
        if (!$isNew && $message['media_pending'] !== 'true' && $message['type'] !== 'unreadable') {
            DB::table('wachat_inbox')
                ->where('id', $message['id'])
                ->whereRaw("(media_pending = 'true' OR type = 'unreadable')")
                ->update($message);
        }
        return response('ok');
    }
}
