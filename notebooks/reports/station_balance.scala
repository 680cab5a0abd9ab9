// Databricks notebook source
// MAGIC %md
// MAGIC # Which stations run empty?
// MAGIC
// MAGIC Bikes that arrive minus bikes that leave, per station and day. Below zero, a van has to bring some.

// COMMAND ----------

import org.apache.spark.sql.functions._

val rides = spark.table("bikes.rides")

def moved(station: String, time: String, step: Int) =
  rides.select(col(station).as("station"), to_date(col(time)).as("day"), lit(step).as("bikes"))

// COMMAND ----------

// DBTITLE 1,Balance per station and day
val balance = moved("start_station", "started_at", -1)
  .union(moved("end_station", "ended_at", 1))
  .groupBy("station", "day")
  .agg(sum("bikes").as("balance"))

display(balance.where($"balance" < 0).orderBy($"balance", $"day"))
