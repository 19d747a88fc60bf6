<?php
// Add to routes/web.php. The gateway sends no CSRF token; its signature takes that token's place.
declare(strict_types=1);

use App\Http\Controllers\WachatController;
use Illuminate\Foundation\Http\Middleware\ValidateCsrfToken;
use Illuminate\Support\Facades\Route;

// Laravel 11 and later. In Laravel 10 the class is App\Http\Middleware\VerifyCsrfToken. In routes/api.php leave
// withoutMiddleware out: those routes have no CSRF check, and the address begins with /api.
Route::post('/wachat/inbox', WachatController::class)->withoutMiddleware([ValidateCsrfToken::class]);
