<?php
// database/migrations/2026_01_01_000000_create_wachat_inbox_table.php
declare(strict_types=1);

use Illuminate\Database\Migrations\Migration;
use Illuminate\Database\Schema\Blueprint;
use Illuminate\Support\Facades\Schema;

return new class extends Migration
{
    public function up(): void
    {
        Schema::create('wachat_inbox', function (Blueprint $table): void {
            $table->string('id', 64)->primary();
            $table->string('gateway_number', 20);
            $table->string('originator', 64)->index();
            $table->string('receive_date', 32);
            $table->text('msg');
            $table->string('type', 32);
            $table->text('media_url');
            $table->text('file_name');
            $table->string('is_group', 8);
            $table->string('group_id', 64);
            $table->text('name');
            $table->string('about', 64);
            $table->string('sent_date', 32);
            $table->string('media_pending', 8);
        });
    }

    public function down(): void
    {
        Schema::dropIfExists('wachat_inbox');
    }
};
